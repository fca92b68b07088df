"""The lint of a whole bank as a page: worked out in a child, kept until the bank is another."""

__all__ = ["views"]
