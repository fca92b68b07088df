"""What the proctor sees of a room."""

__all__ = ["display", "live", "seat_state", "seat_view", "store", "todos"]
