"""Banks as plain text."""

__all__ = ["format", "reading"]
