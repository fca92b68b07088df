"""An installation on its machine: its settings, its service."""

__all__ = ["settings_command"]
