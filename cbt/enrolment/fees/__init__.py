"""费用: what accepted people cost, a unit's statements, what it paid, what was given back (R-76)."""

__all__ = ["accounts", "charges", "statement", "store", "views"]
