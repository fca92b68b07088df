"""What one cell says: a header, a type, choices, a key, and what stands around them."""

__all__ = ["choices", "columns", "dirt", "keys", "kinds"]
