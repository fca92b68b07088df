"""What comes into a bank: drafts, their dry run, the import and its undoing."""

__all__ = ["dry_run", "execution", "plan", "run", "service", "views", "worker"]
