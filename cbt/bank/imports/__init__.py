"""What comes into a bank: drafts, their dry run, the import and its undoing."""

__all__ = ["drafts", "outcome", "review", "texts", "understood", "undo", "views"]
