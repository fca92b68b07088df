"""Items as authors and officers see them; `types` holds what each type brings."""

__all__ = ["catalogue", "formulas", "marks", "preview", "rich", "show", "types"]
