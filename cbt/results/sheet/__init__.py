"""The results of a sitting, on the screen, on paper and as a workbook."""

__all__ = ["figures", "outcomes", "page", "paper", "printed", "sitting", "standing", "summary", "workbook"]
