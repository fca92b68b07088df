"""How a roster comes in and goes out."""

__all__ = ["choosing", "commit", "export", "plan", "reading", "views"]
