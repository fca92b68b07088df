"""The types of an item, one module each; `registry` lists them. What they all stand on is in `basis`."""

__all__ = ["basis", "case", "hotspot", "reading", "registry", "shape", "short_answer", "true_false", "values"]
