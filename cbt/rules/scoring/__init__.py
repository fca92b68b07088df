"""From answers to a score and its evidence."""

__all__ = ["marks", "score"]
