"""Recovery files a proctor brings in."""

__all__ = ["views"]
