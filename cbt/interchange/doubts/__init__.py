"""Doubts: a file's reading held against itself and its source before anything of it is offered as good."""

__all__ = ["registry"]
