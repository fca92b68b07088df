"""Folders of types that no product has: a test puts them beside those that it does."""
