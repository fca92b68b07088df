"""What a running server tells: health, measures, slow requests, disks."""

__all__ = [
    "counted",
    "counting",
    "disks",
    "files",
    "health",
    "metrics",
    "requestlog",
    "scraping",
    "shared",
]
