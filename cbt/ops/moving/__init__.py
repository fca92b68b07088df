"""Moving an installation's database from the embedded one to PostgreSQL, and back: offline, all or nothing."""

__all__ = ["commands"]
