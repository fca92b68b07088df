"""Who may come in, and when."""

__all__ = ["admission", "changing", "kiosk", "scanning"]
