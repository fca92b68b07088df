"""公示: results shown before they are released, and the objections that hold one of them (R-90)."""

__all__ = ["publication", "store", "views"]
