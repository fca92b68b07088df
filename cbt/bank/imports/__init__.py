"""What comes into a bank: drafts, their dry run, the import and its undoing."""

__all__ = ["checks", "execution", "plan", "views", "worker"]
