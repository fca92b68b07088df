"""The atoms there are: one line each."""

from __future__ import annotations

from typing import Protocol

from cbt.rules.enrolment.eligibility.answers import AtomAnswer
from cbt.rules.enrolment.eligibility.atoms import certificate, education, major, school, training, years
from cbt.rules.enrolment.eligibility.considered import Considered


class Atom(Protocol):
    """What a module of this folder has: a name, the keys of a condition that belong to it, two functions."""

    @property
    def NAME(self) -> str: ...
    @property
    def KEYS(self) -> tuple[str, ...]: ...

    def asks(self, seen: Considered) -> bool:
        """Say whether a condition asks for it."""

    def answer(self, seen: Considered) -> AtomAnswer:
        """Return whether it is met, and why."""


ATOMS: tuple[Atom, ...] = (education, school, major, certificate, years, training)
"""In the order of the answers."""
