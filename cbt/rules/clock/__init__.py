"""The clock of an attempt: its facts, its replay, grants, interruptions."""

__all__ = ["arrival", "facts", "granting", "interruptions", "timing", "windows", "zones"]
