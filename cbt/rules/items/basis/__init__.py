"""What every type of item stands on: its content, fields as an author writes them, answers as they come in."""

__all__ = ["authored", "choices", "content", "received", "regions"]
