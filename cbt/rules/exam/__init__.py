"""What a blueprint says."""

__all__ = ["blueprint", "paper", "policies"]
