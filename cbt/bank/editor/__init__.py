"""Items written by hand: the form of each type, what the page shows beside it, unfinished work, and saving it."""

__all__ = ["views"]
