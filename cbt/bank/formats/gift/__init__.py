"""GIFT: questions as text, each with its answers in braces."""

__all__ = ["braces", "escapes", "format"]
