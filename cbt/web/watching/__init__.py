"""What a running server tells: health, measures, logs, disks."""

__all__ = [
    "counted",
    "counting",
    "disks",
    "health",
    "logs",
    "metrics",
    "requestlog",
    "scraping",
    "shared",
]
