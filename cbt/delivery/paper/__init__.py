"""The paper a candidate reads: layout, joining, the page."""

__all__ = [
    "drawing",
    "examinee",
    "following",
    "head",
    "joining",
    "layout",
    "others",
    "packed",
    "path",
    "pieces",
    "shell",
]
