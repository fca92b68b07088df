"""Responses of an item that goes out as QTI: how each is declared, and how all of them are scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cbt.interchange.export import block
from cbt.interchange.markdown import escaped


@dataclass(frozen=True, slots=True)
class Response22:
    """One response: its name, its kind, the right values, what mapped values earn, how far a number may be off."""

    name: str
    cardinality: str
    base: str
    right: Sequence[str] = ()
    mapped: Mapping[str, str] = field(default_factory=dict)
    tolerance: str = ""


@dataclass(frozen=True, slots=True)
class Question22:
    """One question: the outcome it is scored in, what it is worth, its responses."""

    outcome: str
    worth: str
    responses: Sequence[Response22]

    @property
    def by_people(self) -> bool:
        """Say whether nothing in it can be scored by a machine."""
        return not any(one.right for one in self.responses)


def declared(question22s: Sequence[Question22], *, feedback: bool) -> str:
    """Return the declarations of responses and outcomes."""
    responses = "".join(_response(one) for each in question22s for one in each.responses)
    outcomes = "".join(_outcome(each.outcome, each.worth, people=each.by_people) for each in question22s)
    if all(each.outcome != "SCORE" for each in question22s):
        outcomes += _outcome("SCORE", "", people=False)
    if feedback:
        outcomes += '<outcomeDeclaration identifier="FEEDBACK" cardinality="multiple" baseType="identifier"/>'
    return responses + outcomes


def processing(question22s: Sequence[Question22], feedback: Sequence[tuple[str, str]]) -> str:
    """Return the scoring: each question all or nothing, then their sum, then what is shown."""
    rules = "".join(_rule(each) for each in question22s if not each.by_people)
    if all(each.outcome != "SCORE" for each in question22s):
        summed = "".join(f'<variable identifier="{each.outcome}"/>' for each in question22s)
        rules += _set("SCORE", f"<sum>{summed}</sum>")
    if feedback:
        names = "".join(_value("identifier", name) for name, _text in feedback)
        rules += _set("FEEDBACK", f"<multiple>{names}</multiple>")
    return f"<responseProcessing>{rules}</responseProcessing>" if rules else ""


def _response(response: Response22) -> str:
    head = f'identifier="{response.name}" cardinality="{response.cardinality}" baseType="{response.base}"'
    values = "".join(f"<value>{escaped(value)}</value>" for value in response.right)
    right = f"<correctResponse>{values}</correctResponse>" if values else ""
    entries = "".join(
        f'<mapEntry mapKey="{escaped(value)}" mappedValue="{worth}" caseSensitive="false"/>'
        for value, worth in response.mapped.items()
    )
    mapping = f'<mapping defaultValue="0">{entries}</mapping>' if entries else ""
    return f"<responseDeclaration {head}>{right}{mapping}</responseDeclaration>"


def _outcome(name: str, worth: str, *, people: bool) -> str:
    most = f' normalMaximum="{worth}"' if worth else ""
    marked = ' externalScored="human"' if people else ""
    head = f'identifier="{name}" cardinality="single" baseType="float"{most}{marked}'
    return f"<outcomeDeclaration {head}><defaultValue><value>0</value></defaultValue></outcomeDeclaration>"


def _rule(each: Question22) -> str:
    tests = [_test(one) for one in each.responses]
    whole = tests[0] if len(tests) == 1 else f"<and>{''.join(tests)}</and>"
    earned = _set(each.outcome, _value("float", each.worth))
    return f"<responseCondition><responseIf>{whole}{earned}</responseIf></responseCondition>"


def _test(response: Response22) -> str:
    pair = f'<variable identifier="{response.name}"/><correct identifier="{response.name}"/>'
    if response.mapped:
        return f'<gt><mapResponse identifier="{response.name}"/>{_value("float", "0")}</gt>'
    if response.tolerance:
        width = f"{response.tolerance} {response.tolerance}"
        return f'<equal toleranceMode="absolute" tolerance="{width}">{pair}</equal>'
    return f"<match>{pair}</match>"


def _set(name: str, value: str) -> str:
    return f'<setOutcomeValue identifier="{name}">{value}</setOutcomeValue>'


def _value(base: str, value: str) -> str:
    return f'<baseValue baseType="{base}">{value}</baseValue>'


Fields = Mapping[str, Any]
Made = tuple[list[Response22], str]
"""The responses of a question, and what stands in the body for it."""


@dataclass(frozen=True, slots=True)
class QtiWriting:
    """A type of item that goes out as QTI: the fields it carries, and its question under the name of a response.

    `write` is told where the picture of the item lies, seen from it; `pictured` says that it needs that picture, so
    that it is no part of a case.
    """

    carries: frozenset[str]
    write: Callable[[Fields, str, str], Made]
    pictured: bool = False


def stem_of(data: Fields) -> str:
    return block(str(data["stem"]))


def entry(name: str) -> str:
    return f'<textEntryInteraction responseIdentifier="{name}"/>'
