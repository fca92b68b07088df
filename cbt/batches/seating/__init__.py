"""The seats of a sitting-room: arranged for all by a rule, exchanged by hand, mended where cases meet."""

__all__ = ["cases", "views"]
