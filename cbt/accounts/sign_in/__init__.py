"""Staff sign in: passwords, logins, what guessing is told and slowed down by."""

__all__ = ["passwords", "refusals", "service"]
