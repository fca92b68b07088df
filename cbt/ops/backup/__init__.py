"""Backups, restoring them, and proving that everything stored is what it was."""

__all__ = ["commands", "damage", "restore", "restore_note", "snapshot", "verification"]
