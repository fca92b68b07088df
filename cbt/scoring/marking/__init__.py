"""阅卷: what people have to mark is marked twice, blind; where two differ a third decides (R-51)."""

__all__ = ["counted", "fresh_marks", "jobs", "overview", "rubric_round", "store", "views"]
