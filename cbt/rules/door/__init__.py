"""Who may come in, and when; and when whoever waits goes on."""

__all__ = ["admission", "kiosk", "waiting_room"]
