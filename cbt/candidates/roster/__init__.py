"""How a roster comes in and goes out."""

__all__ = ["columns", "export", "file", "row", "tables"]
