"""An answer: judged, written with others, acknowledged."""

__all__ = ["attempt_row", "batch", "digest", "handler", "journal"]
