"""Which machine stands at which seat."""

__all__ = ["binding", "finding", "moving", "undelivered"]
