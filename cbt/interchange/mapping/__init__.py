"""Mapping by hand: what an author says of a file that no reader understands, and the items read as they say."""

__all__ = ["definition", "reader", "records", "source", "suggestion"]
