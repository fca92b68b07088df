"""Rules of the exam on paper: where things lie on an answer sheet, what was read there, what is entered of it."""

__all__ = ["reading", "sheet"]
