"""`cbt doctor`: whether an installation is as it should be, what is not, and the next command for each."""

__all__ = ["commands"]
