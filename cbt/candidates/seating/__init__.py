"""Who has which seat of a sitting-room: as it is, and changed for many at once."""

__all__ = ["reseating", "room"]
