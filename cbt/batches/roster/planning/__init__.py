"""What importing a roster would do: who is known, who goes where, what does not go and why."""

__all__ = ["choices", "known", "objections", "places", "planner", "renewing", "values"]
