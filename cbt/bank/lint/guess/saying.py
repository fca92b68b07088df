"""Guess rates as sentences and as data, in the language of this request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _

from cbt.bank.lint.guess.crossing import Reason
from cbt.bank.lint.guess.rating import GuessRate, SureGuess, percents
from cbt.bank.lint.guess.shapes import SHAPES
from cbt.bank.lint.guess.telling import Telltale
from cbt.bank.lint.guess.words import CLOSES, OPENS
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Place

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


def line(found: GuessRate, bank: str) -> str:
    """Return the rate of a type in one line; `bank` is "" for all banks together."""
    return str(
        _(
            "bank.guess.line",
            bank=bank or _("bank.guess.across"),
            type=_(f"bank.type.{found.type.value}"),
            count=found.count,
            **figures(found),
        )
    )


def details(found: GuessRate) -> Iterator[str]:
    """Yield what gives keys away, then the items that were guessed, the surest first."""
    for one in found.telltales:
        yield f"    {_told(one, found.type)}"
    for guess in found.surest[:LISTED]:
        said = str(_("ui.and")).join(reason_of(reason) for reason in guess.reasons)
        yield f"    {_named(guess)}: {_('bank.guess.sure', percent=percents(guess.share), reasons=said)}"


def figures(found: GuessRate) -> dict[str, str]:
    """Return the rate, its margin and chance in per cent."""
    return {
        "percent": percents(found.rate),
        "margin": percents(found.margin),
        "chance": percents(found.chance),
    }


def as_data(found: GuessRate) -> dict[str, Any]:
    """Return everything of a rate for other programs; shares as numbers from 0 to 1."""
    return {
        "type": found.type.value,
        "count": found.count,
        "rate": round(found.rate, 4),
        "margin": round(found.margin, 4),
        "chance": round(found.chance, 4),
        "too_high": found.too_high,
        "telltales": [
            {
                "name": name_of(one.name),
                "keys": one.keys,
                "others": one.others,
                "weight": round(one.weight, 2),
            }
            for one in found.telltales
        ],
        "guessed": [
            {
                "name": one.name,
                "place": str(one.place),
                "share": round(one.share, 3),
                "reasons": [reason_of(reason) for reason in one.reasons],
            }
            for one in found.surest
        ],
    }


def _told(one: Telltale, kind: ItemType) -> str:
    sort = "truth" if kind is ItemType.TRUE_FALSE else "key"
    told = f"bank.guess.{sort}_more" if one.weight > 0 else f"bank.guess.{sort}_less"
    return str(_(told, what=name_of(one.name), keys=one.keys, others=one.others, weight=f"{one.weight:+.1f}"))


def _named(guess: SureGuess) -> str:
    return f"{guess.place}: {guess.name}" if guess.place != Place() else guess.name
