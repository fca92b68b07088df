"""The workbook of the national template."""

__all__ = ["format"]
