"""Moodle XML: the questions of a category with all that Moodle keeps of them."""

__all__ = ["format", "mapping", "texts"]
