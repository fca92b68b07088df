"""Files as the field has them, made by the thousand, each with the items that must be read of it."""
