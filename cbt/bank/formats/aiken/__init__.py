"""Aiken: choice questions as text, a choice a line and the key after ANSWER."""

__all__ = ["format"]
