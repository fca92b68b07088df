"""What a plan of an exam day may and may not hold, where seats stand, who sits where, and how far it is."""

__all__ = ["changes", "clashes", "distribution", "readiness", "seat_plan"]
