"""What open boards are sent: what changed since they asked, and nothing else."""

__all__ = ["board_page", "open_rooms", "parts", "path"]
