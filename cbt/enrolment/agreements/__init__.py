"""认定管理协议 (附件 3): from when to when a unit may have its people assessed, and which terms run out (R-71)."""

__all__ = ["models", "service", "shown", "store", "views"]
