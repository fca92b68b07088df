"""The optical reading of answer sheets: pages of a file, where a sheet lies on one, which bubbles are marked."""

__all__ = ["child", "order"]
