"""Which days are free: for which one can apply now, and how many places there are (R-72)."""

__all__ = ["views"]
