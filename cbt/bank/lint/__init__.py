"""Bank lint: everything an author should see at once."""

__all__ = ["arithmetic", "case", "check", "shares", "whole", "words"]
