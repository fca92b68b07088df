"""How an attempt ends: handed in, its time over, an outage in between."""

__all__ = ["batch", "done", "exchange", "outage", "sealed", "sent", "steps", "sweeps", "windows"]
