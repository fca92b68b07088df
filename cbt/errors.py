"""What the engine can explain to the person who met it."""

from __future__ import annotations


class TextId(str):
    """A parameter that is itself the id of a text, such as a state: it is shown in the reader's language."""

    __slots__ = ()


class CbtError(Exception):
    """Something the engine can explain to the person who met it: a stable `code` and `params`.

    What happened and what that person can do now are two catalogue entries (zh and en), looked up
    by `code` at the edge (web, CLI). No parameter carries an answer key or another person's data.
    """

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        detail = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.code} ({detail})" if detail else self.code


class InvalidInput(CbtError):
    """What was handed in cannot be read or does not add up; nothing was stored."""


class NotAllowed(CbtError):
    """The person is known but may not do this."""


class NotFound(CbtError):
    """There is no such thing, or it is somebody else's."""


class Conflict(CbtError):
    """The thing is no longer in the state the person saw."""


class TooEarly(CbtError):
    """The rule allows it later; the parameters say when."""


class TooMany(CbtError):
    """Too many tries; the parameters say when to try again."""


class TooLarge(CbtError):
    """There is no more room for it; what is there already stays."""


class Gone(CbtError):
    """The time for it is over."""


class Locked(CbtError):
    """It is held for now and will go on later."""


class Unavailable(CbtError):
    """The engine cannot keep its promise right now; the same request may be sent again."""
