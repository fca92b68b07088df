"""What a plan of an exam day may and may not hold."""

__all__ = ["clashes"]
