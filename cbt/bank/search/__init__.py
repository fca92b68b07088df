"""Finding items in banks of any size: what is kept of each to search by, and the questions asked of it."""

__all__ = ["asking", "finding", "index", "sent", "tree", "words"]
