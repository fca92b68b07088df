"""Who asks: login, machine, what they may, how many tries they have."""

__all__ = [
    "access",
    "addresses",
    "allowance",
    "attention",
    "cookies",
    "counters",
    "guessing",
    "login",
    "machine",
    "models",
    "opening",
    "signatures",
    "throttle",
    "unknown_names",
]
