"""评价申请: what a unit applies for, with its people, from a draft to a batch (R-72–R-77)."""

__all__ = [
    "applying", "deciding", "form", "judged", "models", "people", "people_views", "retaking",
    "side_views", "store", "views",
]  # fmt: skip
