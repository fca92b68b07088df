"""A bank beside the papers that are drawn from it: what is short, what repeats, a paper drawn to be looked at."""

__all__ = ["views"]
