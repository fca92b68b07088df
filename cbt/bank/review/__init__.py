"""The author's desk: an item's states and who judges it, remarks, versions side by side."""

__all__ = ["bulk", "desk", "fields", "judgement", "views"]
