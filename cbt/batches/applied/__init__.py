"""From an application into a batch: its accepted people as a roster that the batch reads, with photos (R-77)."""

__all__ = ["fates", "finishing", "photos", "rows", "views"]
