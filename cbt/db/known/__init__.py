"""Statements that are put together once: what is asked and changed so often that making them would be the price."""

__all__ = ["changes", "selects", "together"]
