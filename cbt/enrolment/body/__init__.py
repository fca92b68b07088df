"""The body that assesses (评价机构): what stands for it on agreements and certificates."""

__all__ = ["service", "views"]
