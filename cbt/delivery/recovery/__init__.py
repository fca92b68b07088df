"""What a browser could not send: the sealed file, what became of it, evidence."""

__all__ = ["evidence", "file", "leftovers", "shelf"]
