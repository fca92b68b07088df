"""Files that strangers made are opened in a child process that can neither kill nor freeze the one that asks."""
