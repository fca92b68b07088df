"""Pages of staff in a world that grew: what is asked and drawn stays as much as it was."""
