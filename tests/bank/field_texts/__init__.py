"""Banks as people keep them in texts, with their truth known: layout, choices, key, type, dirt, container."""
