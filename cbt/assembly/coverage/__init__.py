"""Between a bank and its papers: what is short, papers drawn to be looked at."""

__all__ = ["views"]
