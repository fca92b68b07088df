"""A centre's kiosk browser: its file, and, where the centre asks for it, nobody signs in with another."""

__all__ = ["views"]
