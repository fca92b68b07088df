"""考后材料: what a room leaves on paper, every figure of it read from the rows and the log the board shows."""

__all__ = ["room_record", "views"]
