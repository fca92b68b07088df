"""What the machine does by itself: how fast it answers with next to nothing, and how often it stands still."""
