"""QTI 1.2, in the standard's own words and those of the systems that still write it."""

__all__ = ["reading"]
