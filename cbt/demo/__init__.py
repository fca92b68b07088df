"""Builds worlds of any size, a day to try the product with among them; all people in them are invented."""
