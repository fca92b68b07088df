"""The examination of an installation as a page: `cbt doctor` in a process of its own, its answer in words."""

__all__ = ["room_part", "views"]
