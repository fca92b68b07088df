"""Chances and figures of likeness in words: what a page and a paper say of them.

Source: R-98.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

from cbt.results.likeness.evidence import AnswerLine, GivenAnswer, PairEvidence
from cbt.results.likeness.figures import PairFigures

_AMONG = (
    (100, "hundred"),
    (10_000, "myriad"),
    (1_000_000, "million"),
    (100_000_000, "hundred_million"),
    (1_000_000_000_000, "trillion"),
)


def chance_words(chance: float, of: str = "chance") -> str:
    """Return in how many of how many honest pairs something is to be found; of people where `of` is `one`."""
    for among, name in _AMONG:
        count = round(chance * among)
        if count >= 1:
            return str(_(f"likeness.{of}.{name}", count=count))
    return str(_(f"likeness.{of}.none"))


def figures(pair: PairFigures) -> list[tuple[str, str, str]]:
    """Return each statistic of a pair: what it is, its value, its chance among honest pairs in words."""
    rows = [
        (_("likeness.omega"), f"{pair.omega:.2f}", chance_words(pair.omega_chance)),
        (_("likeness.gbt"), _shown(pair.gbt), chance_words(pair.gbt)),
        (_("likeness.m4"), _shown(pair.m4), chance_words(pair.m4)),
        *(
            (_(f"likeness.{name}"), _shown(value), chance_words(value))
            for name, value in (("k", pair.k), ("k2", pair.k2))
            if value is not None
        ),
        (_("likeness.corrected"), _shown(pair.corrected), _("likeness.corrected.words")),
    ]
    return [(str(name), str(value), str(words)) for name, value, words in rows]


def _shown(chance: float) -> str:
    return f"{chance:.3f}" if chance >= 0.001 else f"{chance:.1e}"


def distance(found: PairEvidence) -> str:
    """Return how far from each other two people sat."""
    if not found.same_room:
        return str(_("likeness.seats.rooms"))
    if found.pair.beside:
        return str(_("likeness.seats.beside"))
    if found.steps is None:
        return str(_("likeness.seats.unknown", count=abs(found.one.seat - found.other.seat)))
    return str(_("likeness.seats.steps", count=found.steps))


def times(found: PairEvidence) -> str:
    """Return how close together the same answers were given."""
    if found.usual_gap is None:
        return str(_("likeness.times.unknown"))
    return str(
        _("likeness.times.said", close=found.close, all=len(found.same), gap=duration(found.usual_gap))
    )


def duration(seconds: float) -> str:
    """Return a span as 1:05."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def pace_words(found: PairEvidence) -> list[str]:
    """Return of each of the two how often they were rapid and right, against others; [] where nobody knows."""
    return [
        str(
            _(
                "likeness.pace.said",
                name=person.name,
                right=pace.rapid_right,
                wrong=pace.rapid_wrong,
                items=pace.items,
                expected=f"{pace.expected:.1f}",
            )
        )
        for person, pace in zip((found.one, found.other), found.pair.paces, strict=False)
    ]


def answer(given: GivenAnswer) -> str:
    """Return an answer with a mark for a wrong one."""
    if not given.choice:
        return "–"
    return given.choice if given.is_right else f"{given.choice} ×"


def mark(line: AnswerLine) -> str:
    """Return what two answers have in common."""
    if line.is_same_wrong:
        return str(_("likeness.same_wrong"))
    return str(_("likeness.same")) if line.is_same else ""


def case_facts(found: PairEvidence) -> str:
    """Return what a case says at first, without the other person's name; whoever opens it may say it otherwise."""
    return str(
        _(
            "likeness.case.facts",
            common=found.pair.common,
            same=found.pair.same,
            same_wrong=found.pair.same_wrong,
            chance=chance_words(found.pair.gbt),
            seats=distance(found),
        )
    )


def signature_lines() -> Sequence[str]:
    return [str(_(f"likeness.sign.{name}")) for name in ("seen", "checked", "date")]
