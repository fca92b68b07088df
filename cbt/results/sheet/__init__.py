"""The results of a sitting, on the screen, on paper and as a workbook."""

__all__ = ["documents", "outcome", "page", "sitting"]
