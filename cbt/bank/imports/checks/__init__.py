"""The check of a brought file, and its import: a process of its own does both, the row is the queue."""

__all__ = ["service", "starting", "store", "views", "working"]
