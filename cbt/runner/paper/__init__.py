"""The paper a candidate reads: layout, joining, the page."""

__all__ = ["content", "draw", "form_assignment", "layout", "packed", "page", "path"]
