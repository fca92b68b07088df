"""The clock of an attempt: its facts, its replay, grants, interruptions."""

__all__ = ["interruptions", "timing", "windows"]
