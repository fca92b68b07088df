"""The documents that come with the product: listed, read, and copied to where they are used."""

__all__ = ["commands"]
