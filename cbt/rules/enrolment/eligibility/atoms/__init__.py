"""The kinds of atoms a condition is made of, one module each; `registry` lists them."""

__all__ = ["certificate", "education", "major", "school", "training", "years"]
