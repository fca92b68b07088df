"""The queue of who reviews (审题台): items that wait for them, one after the other."""

__all__ = ["views"]
