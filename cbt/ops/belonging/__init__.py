"""Whether keys and database belong together, and whose they are: asked before anything is opened or made."""

__all__ = ["asking", "finding", "hands", "ruling"]
