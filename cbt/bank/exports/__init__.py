"""Banks go out: which form, what it cannot hold of each item, and the file itself, an item at a time."""

__all__ = ["carrying", "commands", "completing", "markup", "proof", "views", "workbook"]
