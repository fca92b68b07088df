"""A second person's approval: asked for, shown on their page, given by session, code or credential (R-62)."""

__all__ = ["decisions", "requests", "views"]
