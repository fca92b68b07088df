"""The second copy of every commit. A newcomer may pass by: nothing else depends on how it works."""

__all__ = ["copier", "folder", "wal"]
