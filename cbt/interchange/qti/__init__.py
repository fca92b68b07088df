"""QTI: items and packages of the 1EdTech standard, in its versions 1.2, 2.0 to 2.2 and 3.0."""

__all__ = ["format", "interactions", "response"]
