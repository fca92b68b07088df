"""How a request is read whole before its instant is taken (R-21)."""

__all__ = [
    "coalescence",
    "deferred",
    "front",
    "hot_addresses",
    "lanes",
    "proxies",
    "request_body",
]
