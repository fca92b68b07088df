"""What an author meets of each type of item: its codes and answers in workbooks, what is tidied and hinted."""

__all__ = ["choices", "fill_blank", "hotspot", "numeric", "registry", "true_false"]
