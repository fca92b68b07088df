"""试题更正: a bad item put right in what one sitting asked, before and after shown to two people (R-54, R-99)."""

__all__ = ["jobs", "views"]
