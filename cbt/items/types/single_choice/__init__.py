"""单选: what an author meets of it, and what it is in each format."""

__all__ = ["editor", "gift", "moodle", "qti_writer"]
