"""The people of a roster being stored: values that are kept, parcels of rows, and the whole of it or nothing."""

__all__ = ["entries", "parcels", "storing"]
