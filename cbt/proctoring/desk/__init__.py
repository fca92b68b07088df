"""What the acts stand on: whom they concern, what is asked, refused, said and logged."""

__all__ = [
    "act",
    "acting",
    "door_undone",
    "granted",
    "incidents",
    "inputs",
    "lines",
    "papers",
    "picking",
    "said",
    "staff",
    "taking_back",
]
