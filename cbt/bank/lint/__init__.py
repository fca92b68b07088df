"""Bank lint: everything an author should see at once."""

__all__ = ["check", "guess_rate", "service", "standing", "whole_bank"]
