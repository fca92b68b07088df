"""The tools of the answer page: which a page gets and what they say."""

__all__ = ["offering"]
