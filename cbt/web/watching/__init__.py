"""What a running server tells: health, measures, logs, disks."""

__all__ = ["disks", "health", "logs", "metrics", "requestlog"]
