"""What the proctor sees of a room."""

__all__ = ["display", "live", "open_rooms", "page", "parts", "seat_state", "seat_view"]
