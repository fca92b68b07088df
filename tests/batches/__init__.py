"""A batch from its shape to its published day."""
