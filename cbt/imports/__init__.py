"""The machine of imports: what all kinds of files that people bring have in common."""
