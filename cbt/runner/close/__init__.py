"""How an attempt ends: handed in, its time over, an outage in between."""

__all__ = ["closure", "outage"]
