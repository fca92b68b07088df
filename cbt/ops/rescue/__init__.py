"""When the database's files are moved away, removed or exchanged under a server: what was saved is secured."""

__all__ = ["commands", "keeper", "reinstatement", "salvage"]
