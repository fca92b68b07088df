"""How a roster comes in and goes out."""

__all__ = ["columns", "commit", "export", "plan", "views"]
