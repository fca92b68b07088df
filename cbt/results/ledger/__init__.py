"""Whose paper counts: attempts of a person over the batches."""

__all__ = ["asked", "checking", "counting", "store"]
