"""Who has come: identity, permits, absence."""

__all__ = ["absence", "changes", "checking", "permits", "queries"]
