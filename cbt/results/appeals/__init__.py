"""成绩复核: asked once for a result, recounted from the journal, decided by who had no part in it (R-91)."""

__all__ = ["decision", "fresh_mark", "letter", "request", "views"]
