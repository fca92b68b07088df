"""What the office prints of a sitting: tickets, lists for the door, labels, registration sheets, as PDF."""

__all__ = ["documents", "occasion", "views"]
