"""Member units 会员单位: who they are, and the people of theirs who may look after their own (R-70)."""

__all__ = ["models", "own_views", "service", "store", "views"]
