"""How a roster comes in and goes out."""

__all__ = ["column_mapping", "export", "file", "row", "tables"]
