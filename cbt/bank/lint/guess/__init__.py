"""How many items can be guessed from their wording alone, and what gives them away."""

__all__ = ["rating", "saying"]
