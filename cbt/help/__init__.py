"""帮助: the handbook of each role, which section belongs to which page, and a search over them."""
