"""Forms of incidents (异常) and violations (违纪): filled in once, added to, withdrawn, never edited."""

__all__ = ["forms", "reports", "signals", "views", "writing"]
