"""The command line's own furniture: how commands are declared, what they say, and how they end."""
