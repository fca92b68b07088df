"""Bank lint: everything an author should see at once."""

__all__ = ["check", "guess_rate", "job", "page", "whole_bank"]
