"""Keys and what is sealed with them; files and folders that are nobody else's."""

__all__ = ["files", "keys", "modes", "prints", "sealing"]
