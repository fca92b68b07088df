"""The paper a candidate reads: layout, joining, the page."""

__all__ = ["content", "draw", "handler", "layout", "page"]
