"""Bringing an installation of an earlier version forward: what will happen, a backup, and the way back."""

__all__ = ["commands"]
