"""A brought roster as a file: what its columns are, and the copy in which its findings are marked."""

__all__ = ["marking", "views"]
