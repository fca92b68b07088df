"""A start: lease, clock and paper in one batch."""

__all__ = ["batch", "handler"]
