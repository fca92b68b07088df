"""Where the tables of a sheet are, what their columns hold, which rows make an item."""

__all__ = ["finding", "gathering", "guessing", "picturing", "records", "sheet"]
