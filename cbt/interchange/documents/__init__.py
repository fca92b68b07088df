"""What the readers of foreign banks share: words of keys and types, lines, choices, and a bank made of them."""

__all__ = ["choices", "items", "lines", "paragraphs", "parts", "question", "terms"]
