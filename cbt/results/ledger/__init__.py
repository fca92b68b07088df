"""Whose paper counts: attempts of a person over the batches."""

__all__ = ["checking", "counting", "store"]
