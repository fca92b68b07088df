"""From an application into a batch: its accepted people as a roster that the batch reads (R-77)."""

__all__ = ["rows", "views"]
