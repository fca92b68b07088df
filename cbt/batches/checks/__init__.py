"""What speaks against a plan: retakes, overlaps, seats, photos; each with its clause and the page that mends it."""

__all__ = ["concern", "people", "sittings", "views"]
