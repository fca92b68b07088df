"""Bank lint: everything an author should see at once."""

__all__ = ["arithmetic", "case", "check", "guess", "shares", "whole", "words"]
