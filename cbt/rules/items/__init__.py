"""The types of an item, one module each; `registry` lists them. What they all stand on is in `basis`."""

__all__ = [
    "case",
    "content",
    "hotspot",
    "inputs",
    "numeric",
    "registry",
    "response",
    "short_answer",
    "true_false",
]
