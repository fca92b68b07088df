"""识图: what an author meets of it, and what it is in each format."""

__all__ = ["editor"]
