"""Answers that came too late, and the ruling of two people."""

__all__ = ["service", "sheet", "views"]
