"""How a request is read whole before its instant is taken (R-21)."""

__all__ = [
    "bodies",
    "children",
    "door",
    "front",
    "gathering",
    "lanes",
    "parking",
    "promises",
    "proxies",
    "sharing",
    "spool",
    "strangers",
    "views",
    "whole",
]
