"""A sitting before its day: places, people, what is missing."""

__all__ = ["inputs", "places", "purposes", "sittings", "views"]
