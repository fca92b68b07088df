"""A sitting before its day: places, people, what is missing."""

__all__ = ["binding", "inputs", "places", "prefill", "sittings", "staff", "views"]
