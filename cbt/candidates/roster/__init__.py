"""How a roster comes in and goes out."""

__all__ = ["column_mapping", "columns", "export", "file", "paper_choice", "row"]
