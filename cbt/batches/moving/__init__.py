"""A sitting that is planned changes: it is moved (改期) with all its people, withdrawn, or cancelled."""

__all__ = ["views"]
