"""What the readers of open formats share: findings, texts of any encoding, XML and HTML without their dangers.

All but `receiving` and `pictures` runs in the child that reads a stranger's file, and holds nothing of the product.
"""

__all__ = [
    "decoding",
    "files",
    "markdown",
    "marks",
    "package",
    "pictured",
    "pictures",
    "plain",
    "questions",
    "raw",
    "receiving",
    "tree",
]
