"""成绩包: one signed file of a sitting, which shows by itself on another machine what happened in it."""

__all__ = ["commands", "container", "signature"]
