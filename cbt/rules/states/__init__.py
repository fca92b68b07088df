"""The states of an attempt, of a sitting and of an item, and what moves them; what a sitting is held for."""

__all__ = ["attempt", "closing", "item", "purpose", "sitting"]
