"""A paper of the types that the shipped blueprints have none of: a bank, a blueprint and whoever takes it."""
