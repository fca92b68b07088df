"""The office's pages about the registered: batch, sittings, tickets, photos."""

__all__ = ["service", "views"]
