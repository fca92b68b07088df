"""An answer: judged, written with others, acknowledged."""

__all__ = ["attempt_cache", "batch", "digest", "guard", "journal", "wire"]
