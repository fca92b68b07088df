"""Drawing a form, and what a bank lasts for."""

__all__ = ["coverage", "form", "selection"]
