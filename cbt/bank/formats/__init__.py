"""Formats in which banks come and go: a folder each; `registry` lists them."""

__all__ = ["cells", "outgoing", "paired", "registry", "text", "together"]
