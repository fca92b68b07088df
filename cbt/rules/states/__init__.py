"""The states of an attempt and of a sitting, and what moves them."""

__all__ = ["attempt", "closing", "sitting"]
