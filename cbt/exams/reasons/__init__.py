"""The table of violations and reasons: its keys, its reader, which version is in force, and its words."""

__all__ = ["reader", "spec", "store", "words", "writing"]
