"""Banks in workbooks, CSV files and saved pages, however their tables are laid out."""

__all__ = [
    "cells",
    "column_guess",
    "decisions",
    "format",
    "item_drafts",
    "item_types",
    "prepared_items",
    "rows",
    "sheet",
]
