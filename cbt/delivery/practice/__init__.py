"""试答: two minutes of a sample before the start, scored by nobody and stored nowhere."""

__all__ = ["views"]
