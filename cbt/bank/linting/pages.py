"""What the page of a bank's lint shows: sentences instead of codes, and the places of bars."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from cbt.bank.imports.texts import note
from cbt.bank.lint.guess import saying
from cbt.bank.lint.guess.rating import GuessRate
from cbt.bank.linting.examining import FoundKind, FoundPlace, LintReport
from cbt.sheets.findings import Finding, Note, Place, Severity

WIDTH, LEFT, RIGHT = 640, 0, 40
"""A bar's drawing; on the right is room for the label of 100 %."""
ROW, BAR = 48, 20
GIVING = ("giveaway", "same_matter")
"""Findings about two items, which are listed by themselves."""
SHOWN = 30


@dataclass(frozen=True, slots=True)
class RateBar:
    """A rate as it is drawn: all places are pixels."""

    found: GuessRate
    y: int
    width: float
    low: float
    high: float
    chance: float
    figures: dict[str, str]


@dataclass(frozen=True, slots=True)
class TalePart:
    """A word or shape as people read it, and in how many keys and other options it stands."""

    what: str
    keys: int
    others: int
    weight: float


@dataclass(frozen=True, slots=True)
class GuessPart:
    """One type: its bar, what gives keys away, and the items that were guessed most surely."""

    bar: RateBar
    tales: list[TalePart]
    surest: list[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class KindPart:
    """One kind of finding: its number and the first of its places, each as a sentence with a remedy."""

    code: str
    severity: Severity
    count: int
    title: str
    notes: list[tuple[str, str, Note]]


@dataclass(frozen=True, slots=True)
class LintPage:
    """All of a report, in the language of this request."""

    counts: dict[str, int]
    guesses: list[GuessPart]
    height: int
    giving: list[KindPart]
    kinds: list[KindPart]


def lint_page(report: LintReport) -> LintPage:
    """Return what the page shows of a report."""
    parts = [_kind(kind) for kind in report.kinds]
    counts = {level.value: 0 for level in Severity}
    for kind in report.kinds:
        counts[kind.severity.value] += kind.count
    guesses = [_guess(found, place) for place, found in enumerate(report.rates)]
    return LintPage(
        counts=counts,
        guesses=guesses,
        height=ROW * len(guesses),
        giving=[part for part in parts if part.code in GIVING],
        kinds=[part for part in parts if part.code not in GIVING],
    )


def _guess(found: GuessRate, place: int) -> GuessPart:
    bar = RateBar(
        found,
        y=ROW * place + BAR,
        width=_x(found.rate),
        low=_x(max(0.0, found.rate - found.margin)),
        high=_x(min(1.0, found.rate + found.margin)),
        chance=_x(found.chance),
        figures=saying.figures(found),
    )
    tales = [
        TalePart(saying.name_of(one.name), one.keys, one.others, round(one.weight, 1))
        for one in found.telltales
    ]
    surest = [
        (
            one.ref,
            one.name,
            f"{100 * one.share:.0f}",
            str(_("ui.and")).join(map(saying.reason_of, one.reasons)),
        )
        for one in found.surest[:SHOWN]
    ]
    return GuessPart(bar, tales, surest)


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _kind(kind: FoundKind) -> KindPart:
    notes = [(one.item, str(one.params.get("other", "")), _note(kind, one)) for one in kind.places]
    return KindPart(kind.code, kind.severity, kind.count, notes[0][2].why, notes)


def _note(kind: FoundKind, one: FoundPlace) -> Note:
    return note(Finding(kind.severity, kind.code, Place(), one.value, one.item, one.params))
