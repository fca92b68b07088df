"""The answer page: how soon it is there, and how soon it hears what staff did."""
