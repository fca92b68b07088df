"""What forms sent: nothing is made of one twice, and nothing that was typed is lost to a login that was over."""

__all__ = ["idempotency", "kept_forms", "refill"]
