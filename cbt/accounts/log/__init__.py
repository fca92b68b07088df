"""The audit log in words: who did what to whom, when and why; looked through, narrowed down and saved."""

__all__ = ["views", "words"]
