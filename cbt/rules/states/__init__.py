"""The states of an attempt, of a sitting and of an item, and what moves them."""

__all__ = ["attempt", "closing", "item", "sitting"]
