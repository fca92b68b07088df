"""What was planned is called something else, or goes while nothing hangs on it."""

__all__ = ["views"]
