"""The short way of an answer: judged, written with others, acknowledged."""

__all__ = ["digests", "entries", "exchange", "guard", "infos", "journal", "live", "sql", "wire"]
