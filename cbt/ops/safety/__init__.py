"""Backups, restoring them, and proving that everything stored is what it was."""

__all__ = ["backup", "checking", "commands", "embedded", "manifest", "rebuild", "restore", "showing"]
