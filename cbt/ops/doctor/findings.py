"""What a check finds: a grade, a code with two texts, and what they name.

A check is an entry of `CHECKS`: its codes with how grave each is, and a function that looks and yields them. What is so is the text `doctor.<check>.<code>`, the next command `doctor.<check>.<code>.fix`; an error of the
product that stands in the way is yielded as it is, and says both itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cbt.console.texts import explain, text
from cbt.errors import CbtError
from cbt.ops.doctor.patient import Patient


class Grade(StrEnum):
    """How grave a finding is. NONE: there is nothing to look at, which is neither good nor bad."""

    OK = "ok"
    NONE = "none"
    WARN = "warn"
    FAIL = "fail"


GRAVEST = (Grade.OK, Grade.WARN, Grade.FAIL)


@dataclass(frozen=True, slots=True)
class Symptom:
    """What a check saw: one of its codes, and what the texts of it name."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


Seen = Iterator[Symptom | CbtError]


@dataclass(frozen=True, slots=True)
class Check:
    """How grave each code of a check is, and what looks and yields at least one finding."""

    codes: Mapping[str, Grade]
    examine: Callable[[Patient], Seen]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the answer: which check, how grave, what is so and what to do; "" where nothing is to be done."""

    check: str
    grade: Grade
    code: str
    what: str
    fix: str


def diagnosis(check: str, codes: Mapping[str, Grade], seen: Symptom | CbtError) -> Diagnosis:
    """Return a finding in words."""
    if isinstance(seen, CbtError):
        what, fix = explain(seen)
        return Diagnosis(check, Grade.FAIL, seen.code, what, fix)
    named = {name: _listed(value) for name, value in seen.params.items()}
    grade, name = codes[seen.code], f"doctor.{check}.{seen.code}"
    fix = text(f"{name}.fix", **named) if grade in (Grade.WARN, Grade.FAIL) else ""
    return Diagnosis(check, grade, seen.code, text(name, **named), fix)


def _listed(value: object) -> object:
    return text("ui.comma").join(map(str, value)) if isinstance(value, list) else value


def worst(found: list[Diagnosis]) -> Grade:
    """Return the gravest grade; where there is nothing to look at, nothing is wrong."""
    return max(
        (one.grade for one in found if one.grade is not Grade.NONE), key=GRAVEST.index, default=Grade.OK
    )
