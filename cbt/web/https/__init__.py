"""The product's own certificates."""

__all__ = ["certificates", "trust"]
