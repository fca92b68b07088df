"""Rooms looked at from above: a chief's rooms on one page, and what an inspector (督导员) notes about a room."""

__all__ = ["views"]
