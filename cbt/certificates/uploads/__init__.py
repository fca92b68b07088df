"""上报文件: certificates written in the column order of an authority, by a mapping that is saved (R-93)."""

__all__ = ["views"]
