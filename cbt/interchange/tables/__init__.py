"""Banks in workbooks, CSV files and saved pages, however their tables are laid out."""

__all__ = ["format"]
