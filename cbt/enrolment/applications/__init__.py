"""评价申请: what a unit applies for, with its people, from a draft to a batch (R-72–R-77)."""

__all__ = ["application", "attachments", "people", "person", "store", "views"]
