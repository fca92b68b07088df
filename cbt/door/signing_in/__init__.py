"""Signing in at a seat: what is proved, who may enter, what is written of it."""

__all__ = ["choosing", "entry", "steps"]
