"""Questions in documents: lines cut into sections, questions and keys, and the items made of them."""

__all__ = ["items", "lines", "paragraphs", "parts", "question", "structure", "terms"]
