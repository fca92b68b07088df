"""What comes into a bank: drafts, their dry run, the import and its undoing."""

__all__ = ["bank_import", "checks", "execution", "plan", "views"]
