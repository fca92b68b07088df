"""What a roster file says: its tables, its columns, its lines, and all that is wrong with them."""

__all__ = ["columns", "file", "hands", "row", "wishes"]
