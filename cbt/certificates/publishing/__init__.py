"""The look-up site of a body whose website is elsewhere: what is published, and the keys that seal it (R-94)."""

__all__ = ["keys", "site"]
