"""The paper a candidate reads: layout, joining, the page."""

__all__ = [
    "drawing",
    "examinee",
    "following",
    "head",
    "joining",
    "layout",
    "packed",
    "path",
    "pieces",
    "shell",
]
