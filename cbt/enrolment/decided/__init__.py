"""What the office decides for all applications: which days are worked (R-72), which majors are related (R-73)."""

__all__ = ["models", "store", "views"]
