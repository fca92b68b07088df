"""Between a bank and its papers: what is short, papers drawn to be looked at, which forms hold an item."""

__all__ = ["views"]
