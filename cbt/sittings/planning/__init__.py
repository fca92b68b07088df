"""A sitting before its day: places, people, what is missing."""

__all__ = ["changing", "inputs", "places", "prefill", "purposes", "sittings", "staff", "views"]
