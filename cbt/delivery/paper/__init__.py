"""The paper a candidate reads: layout, joining, the page."""

__all__ = ["drawing", "following", "head", "joining", "layout", "packed", "pieces"]
