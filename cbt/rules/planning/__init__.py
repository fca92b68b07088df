"""What a plan of an exam day may and may not hold, and who sits where."""

__all__ = ["clashes"]
