"""A room's clock on the day: doors, start, hold, end."""

__all__ = ["doors", "ending", "moving", "running"]
