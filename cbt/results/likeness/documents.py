"""The evidence of a pair on A4 pages as PDF.

Source: R-98.
"""

from __future__ import annotations

from typing import Any

import flask_babel
from flask_babel import gettext as _

from cbt.http.i18n import local_text
from cbt.printing.pdf import pdf
from cbt.results.likeness import words
from cbt.results.likeness.evidence import AnswerLine, PairEvidence
from cbt.results.likeness.people import PairedPerson


def title() -> str:
    """Return what the page is called."""
    return str(_("likeness.evidence"))


def printed(found: PairEvidence) -> bytes:
    """Return the evidence as PDF; equal figures, equal bytes."""
    pair = found.pair
    data: dict[str, Any] = {
        "title": title(),
        "name": f"{found.sitting.name} · {found.paper.title}",
        "foot": f"{title()} · {found.label}",
        "note": _("likeness.accuses_nobody"),
        "people": [_person(one) for one in (found.one, found.other)],
        "summary": [
            [_("likeness.common"), str(pair.common)],
            [_("likeness.same"), str(pair.same)],
            [_("likeness.same_wrong"), str(pair.same_wrong)],
            [_("likeness.seats"), words.distance(found)],
            [_("likeness.times"), words.times(found)],
            *[[_("likeness.pace"), said] for said in words.pace_words(found)],
        ],
        "figures": {
            "heads": [_("likeness.col.figure"), _("likeness.col.value"), _("likeness.col.chance")],
            "rows": words.figures(pair),
        },
        "answers": {"heads": heads(found), "rows": [_row(line) for line in found.lines]},
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "figures": _("likeness.figures"),
            "answers": _("likeness.answers"),
            "signatures": words.signature_lines(),
        },
    }
    return pdf("likeness", data, language=str(flask_babel.get_locale()))


def heads(found: PairEvidence) -> list[str]:
    """Return the heads of the table of answers."""
    names = [found.one.name, found.other.name]
    return [
        str(_("likeness.col.item")),
        str(_("likeness.col.key")),
        *[str(_("likeness.col.answer", name=name)) for name in names],
        str(_("likeness.col.both")),
        *[str(_("likeness.col.seconds", name=name)) for name in names],
        str(_("likeness.col.apart")),
    ]


def _person(one: PairedPerson) -> list[list[str]]:
    return [
        [_("results.col.name"), one.name],
        [_("likeness.ticket"), one.ticket],
        [_("results.col.document"), one.document],
        [_("likeness.place"), str(_("likeness.seat", room=one.room, number=one.seat))],
        [_("likeness.sat"), " – ".join(local_text(at) for at in (one.started_at, one.closed_at) if at)],
    ]


def _row(line: AnswerLine) -> list[str]:
    return [
        f"{line.item} ({line.one.position}/{line.other.position})",
        line.key,
        words.answer(line.one),
        words.answer(line.other),
        words.mark(line),
        *[
            "–" if given.seconds is None else words.duration(given.seconds)
            for given in (line.one, line.other)
        ],
        "–" if line.apart is None else words.duration(line.apart),
    ]
