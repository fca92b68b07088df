"""违纪裁决: a violation on record is told to the candidate, who is heard, before it takes anything away (R-92)."""

__all__ = ["store", "views"]
