"""Formats in which banks come and go: a folder each; `registry` lists them."""

__all__ = ["cells", "gift", "moodle", "outgoing", "paired", "qti", "registry", "text", "together"]
