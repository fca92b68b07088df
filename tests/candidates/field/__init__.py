"""Rosters as units send them, made by the thousand, each with the people and papers that must be read of it."""
