"""How a roster comes in and goes out."""

__all__ = ["choosing", "export", "mapping", "marked", "reading"]
