"""Scheduled backups: when one is made, what became of the last, and who is told when it failed."""

__all__ = ["places", "state", "timer", "views", "warnings"]
