"""Pictures and sounds of items: taken in once, named by their content, sent to whoever got the item."""

__all__ = ["keeping", "references", "taken", "views"]
