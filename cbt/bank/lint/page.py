"""The lint of a stored bank: worked out at once or in a child, kept, and told in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from cbt.bank.lint.guess_rate import CLOSES, OPENS, SHAPES, GuessRate, Reason, SureGuess, Telltale, percents
from cbt.bank.lint.report import FoundKind, FoundPlace, LintReport
from cbt.items.finding_texts import note
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.findings import Finding, Note, Place, Severity

LISTED = 30
"""So many of the items that were guessed are listed for people."""


def name_of(name: str) -> str:
    """Return what people call a word or shape."""
    if name in SHAPES:
        return str(_(f"bank.guess.shape.{name}"))
    word = name.strip(OPENS + CLOSES)
    if name.startswith(OPENS):
        return str(_("bank.guess.opens", word=word))
    if name.endswith(CLOSES):
        return str(_("bank.guess.closes", word=word))
    return str(_("bank.guess.word", word=word))


def reason_of(reason: Reason) -> str:
    """Return why an item was guessed: what its key has more of than the others, or less."""
    name, has = reason
    return name_of(name) if has else str(_("bank.guess.without", what=name_of(name)))


def line(rate: GuessRate, bank: str) -> str:
    """Return the rate of a type in one line; `bank` is "" for all banks together."""
    return str(
        _(
            "bank.guess.line",
            bank=bank or _("bank.guess.across"),
            type=_(f"bank.type.{rate.type.value}"),
            count=rate.count,
            **figures(rate),
        )
    )


def details(rate: GuessRate) -> Iterator[str]:
    """Yield what gives keys away, then the items that were guessed, the surest first."""
    for telltale in rate.telltales:
        yield f"    {_told(telltale, rate.type)}"
    for guess in rate.surest[:LISTED]:
        reasons = str(_("ui.and")).join(reason_of(reason) for reason in guess.reasons)
        yield f"    {_named(guess)}: {_('bank.guess.sure', percent=percents(guess.share), reasons=reasons)}"


def figures(rate: GuessRate) -> dict[str, str]:
    """Return the rate, its margin and chance in per cent."""
    return {
        "percent": percents(rate.rate),
        "margin": percents(rate.margin),
        "chance": percents(rate.chance),
    }


def as_data(rate: GuessRate) -> dict[str, Any]:
    """Return everything of a rate for other programs; shares as numbers from 0 to 1."""
    return {
        "type": rate.type.value,
        "count": rate.count,
        "rate": round(rate.rate, 4),
        "margin": round(rate.margin, 4),
        "chance": round(rate.chance, 4),
        "too_high": rate.too_high,
        "telltales": [
            {
                "name": name_of(one.name),
                "keys": one.keys,
                "others": one.others,
                "weight": round(one.weight, 2),
            }
            for one in rate.telltales
        ],
        "guessed": [
            {
                "name": one.name,
                "place": str(one.place),
                "share": round(one.share, 3),
                "reasons": [reason_of(reason) for reason in one.reasons],
            }
            for one in rate.surest
        ],
    }


def _told(telltale: Telltale, kind: ItemType) -> str:
    sort = "truth" if kind is ItemType.TRUE_FALSE else "key"
    message_id = f"bank.guess.{sort}_more" if telltale.weight > 0 else f"bank.guess.{sort}_less"
    return str(
        _(
            message_id,
            what=name_of(telltale.name),
            keys=telltale.keys,
            others=telltale.others,
            weight=f"{telltale.weight:+.1f}",
        )
    )


def _named(guess: SureGuess) -> str:
    return f"{guess.place}: {guess.name}" if guess.place != Place() else guess.name


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


def _guess(rate: GuessRate, place: int) -> GuessPart:
    bar = RateBar(
        rate,
        y=ROW * place + BAR,
        width=_x(rate.rate),
        low=_x(max(0.0, rate.rate - rate.margin)),
        high=_x(min(1.0, rate.rate + rate.margin)),
        chance=_x(rate.chance),
        figures=figures(rate),
    )
    tales = [
        TalePart(name_of(one.name), one.keys, one.others, round(one.weight, 1)) for one in rate.telltales
    ]
    surest = [
        (
            one.ref,
            one.name,
            f"{100 * one.share:.0f}",
            str(_("ui.and")).join(map(reason_of, one.reasons)),
        )
        for one in rate.surest[:SHOWN]
    ]
    return GuessPart(bar, tales, surest)


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _kind(kind: FoundKind) -> KindPart:
    notes = [(one.item, str(one.params.get("other", "")), _note(kind, one)) for one in kind.places]
    return KindPart(kind.code, kind.severity, kind.count, notes[0][2].why, notes)


def _note(kind: FoundKind, place: FoundPlace) -> Note:
    return note(Finding(kind.severity, kind.code, Place(), place.value, place.item, place.params))
