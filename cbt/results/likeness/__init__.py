"""雷同作答: pairs of people who answered more alike than honest people do, and the evidence of each (R-98)."""

__all__ = ["job", "views"]
