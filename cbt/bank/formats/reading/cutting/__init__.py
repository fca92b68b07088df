"""Cuts the lines of a document into sections, questions and lists of keys, and joins keys with questions."""

__all__ = ["joining", "parts", "segment", "tags"]
