"""One person of a batch: found, added, changed, moved to another seat or sitting, withdrawn and brought back."""

__all__ = ["views"]
