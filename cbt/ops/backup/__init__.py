"""Backups, restoring them, and proving that everything stored is what it was."""

__all__ = ["commands", "damage", "restore", "snapshot", "verification"]
