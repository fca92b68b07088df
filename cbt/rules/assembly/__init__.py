"""Drawing a form, and what a bank lasts for."""

__all__ = ["coverage", "disjoint", "form", "looks", "overlap", "tally"]
