"""Brought files that a process of its own checks and stores: the row is its queue, what is found lies in pieces."""

__all__ = ["beating", "keeping", "models", "pieces", "starting", "working"]
