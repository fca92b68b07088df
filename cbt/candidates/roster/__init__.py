"""How a roster comes in and goes out."""

__all__ = ["commit", "export", "plan", "reading", "views"]
