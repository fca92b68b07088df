"""Saved pages (HTML), such as those of 学习通."""

__all__ = ["format"]
