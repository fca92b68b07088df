"""Eligibility (申报条件): which conditions of a level a person meets, with which evidence, or from when.

`facts` is what the registration form says, `conditions` what the blueprint asks, `assessing` holds one against the
other. What a condition is made of comes in kinds: `atoms`, one module each. An officer decides, not the machine.
"""

__all__ = ["answers", "assessment", "conditions"]
