"""What an author meets of each type of item: its codes and answers in workbooks, what is tidied and hinted."""

__all__ = ["fill_blank", "hotspot", "numeric", "registry", "true_false"]
