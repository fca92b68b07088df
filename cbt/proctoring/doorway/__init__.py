"""The door of a room on the day: who stands before it, in which order, checked one after the other."""

__all__ = ["views"]
