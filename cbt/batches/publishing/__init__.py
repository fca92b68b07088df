"""A sitting goes out to its candidates and proctors: what it lacks before, and the act."""

__all__ = ["commands", "service", "views"]
