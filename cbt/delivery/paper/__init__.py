"""The paper a candidate reads: layout, joining, the page."""

__all__ = ["drawing", "following", "joining", "layout", "packed", "pieces"]
