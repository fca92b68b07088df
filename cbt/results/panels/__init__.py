"""划线专家组: judges say how likely somebody just good enough answers an item; a round recommends a cut (R-100)."""

__all__ = ["desk", "jobs", "panel", "views"]
