"""Fees (费用), in 分: what a registration costs, a unit's statement, payments, and what is given back.

`prices` are the blueprint's, `lines` follow from a registration, `ledger` keeps what was charged, paid and matched.
"""

__all__ = ["amounts", "ledger", "lines", "prices", "statement"]
