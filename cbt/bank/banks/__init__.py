"""A bank as a whole, made and kept in the browser: its name, its levels, its 细目表."""

__all__ = ["views"]
