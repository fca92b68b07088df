"""The roster of a batch: one file, spread over its sittings by rule, looked at before it is imported."""

__all__ = ["desk", "findings", "models", "planner", "roster_import", "views"]
