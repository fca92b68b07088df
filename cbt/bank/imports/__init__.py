"""What comes into a bank: drafts, their dry run, the import and its undoing."""

__all__ = [
    "checks",
    "commands",
    "drafts",
    "outcome",
    "review",
    "running",
    "storing",
    "texts",
    "understood",
    "undo",
    "views",
]
