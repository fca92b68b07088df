"""The log of a server: every line of every process one JSON object, on standard error or in a file."""

__all__ = ["keeping", "life"]
