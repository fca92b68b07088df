"""What a form sent: nothing is made of it twice."""

__all__ = ["once"]
