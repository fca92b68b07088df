"""The demo's member units: what they applied for, and a batch of theirs that is over, with its certificates."""

__all__ = ["story"]
