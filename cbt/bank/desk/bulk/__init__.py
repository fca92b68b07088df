"""One change of many items: seen before it is made, made whole, on record once."""

__all__ = ["views"]
