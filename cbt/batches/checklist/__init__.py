"""How far a batch is: its page, a step a line, and what officers read on their home page."""

__all__ = ["views"]
