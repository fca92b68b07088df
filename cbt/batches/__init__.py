"""A batch (认定批次) from its shape to its published day: what concerns many people and sittings at once."""
