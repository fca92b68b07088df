"""成绩复核: asked once for a result, recounted from the journal, decided by who had no part in it (R-91)."""

__all__ = ["decision", "letter", "request", "views"]
