"""What an author meets of each type of item: its codes and answers in workbooks, what is tidied and hinted."""

__all__ = ["fill_blank", "numeric", "registry"]

__all__ = ["registry", "true_false"]
