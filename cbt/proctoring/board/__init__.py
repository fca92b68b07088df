"""What the proctor sees of a room."""

__all__ = [
    "alerts",
    "around",
    "filters",
    "kept_seats",
    "live",
    "log_lines",
    "proposals",
    "seat_state",
    "seat_view",
    "shown",
    "store",
    "todos",
]
