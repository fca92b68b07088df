"""What a unit's own people see of the results of those they applied for (R-70, R-94)."""

__all__ = ["views"]
