"""How long look-ups of certificates take for what is wrong and for what is right."""
