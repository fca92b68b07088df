"""A registered person's data put right, with who approves it."""

__all__ = ["approval", "making"]
