"""What comes into a bank: drafts, their dry run, the import and its undoing."""

__all__ = [
    "bringing",
    "checks",
    "commands",
    "drafts",
    "outcome",
    "review",
    "running",
    "storing",
    "terms",
    "texts",
    "understood",
    "undo",
    "views",
]
