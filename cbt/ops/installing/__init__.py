"""An installation on its host: its settings, its service."""

__all__ = ["service_command", "settings_command"]
