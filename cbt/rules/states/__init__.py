"""The states of an application, an attempt, a sitting, an item, and what moves them; what a sitting is held for."""

__all__ = ["application", "attempt", "item", "sitting"]
