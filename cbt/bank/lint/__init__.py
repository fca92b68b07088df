"""Bank lint: everything an author should see at once."""
