"""JSON of the field: lists of questions in many shapes."""

__all__ = ["format"]
