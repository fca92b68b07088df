"""The files that pages are made with: read and packed as a process begins, scripts and styles of a page joined."""

__all__ = ["assets", "joining"]
