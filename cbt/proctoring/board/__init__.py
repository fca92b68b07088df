"""What the proctor sees of a room."""

__all__ = ["display", "live", "open_rooms", "page", "parts", "path", "seat_state", "seat_view", "store"]
