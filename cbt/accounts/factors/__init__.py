"""The second factor of staff: set up, asked for, recovered."""

__all__ = ["codes", "service", "views"]
