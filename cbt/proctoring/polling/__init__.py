"""What open boards are sent: what changed since they asked, and nothing else."""

__all__ = ["answering", "drawing", "parts", "path", "rooms"]
