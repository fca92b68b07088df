"""Drawing a form."""

__all__ = ["form"]
