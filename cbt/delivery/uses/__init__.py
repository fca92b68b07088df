"""Where an item is used: the frozen forms that hold it, and the sittings they are for."""

__all__ = ["views"]
