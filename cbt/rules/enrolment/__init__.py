"""Before a candidate exists (申报): units, agreements, applications, who is eligible, what it costs.

Dates are the centre's. Nothing here decides over a person: an officer does, these rules say what follows from what
is known.
"""

__all__ = ["assessment", "conditions", "fees", "member_units"]
