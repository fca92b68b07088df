"""From answers to a score and its evidence."""

__all__ = ["score"]
