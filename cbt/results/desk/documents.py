"""Documents of the result desk on paper: one person's dossier, and the report of a centre.

Source: R-54, R-61, R-91.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from html import unescape
from typing import Any

import flask_babel
from flask_babel import gettext as _

from cbt.http.i18n import local_text
from cbt.printing.pdf import pdf
from cbt.proctoring.views import answer_filter
from cbt.results.desk.centre import CentreFigures, PlaceFigures
from cbt.results.desk.dossier import Dossier
from cbt.results.sheet.documents import as_points, as_unrounded

_SECONDS = "%Y-%m-%d %H:%M:%S"
_TAG = re.compile(r"<[^>]+>")
_SIGNATURES = ("results.sign.counted", "results.sign.checked", "results.sign.officer", "results.sign.date")
Rows = list[list[str]]


def result_words(outcome: str, score: Decimal | None) -> str:
    """Say a result: its verdict and its points."""
    verdict = str(_(f"results.outcome.{outcome}"))
    return verdict if score is None else f"{verdict} {score}"


def basis_of(dossier: Dossier) -> list[tuple[str, str, str, str]]:
    """Return what the verdict rests on, a line each: what it is, what it says, when, and who stands for it."""
    line, lines = dossier.line, list[tuple[str, str, str, str]]()

    def add(what: str, says: str, at: Any = None, who: str = "") -> None:
        lines.append((str(_(f"desk.basis.{what}")), says, local_text(at, _SECONDS) if at else "", who))

    def pair(first: str, second: str) -> str:
        return str(_("late.past.pair", first=dossier.name_of(first), second=dossier.name_of(second)))

    if dossier.form is not None:
        add("form", f"{dossier.form.ref} · {dossier.form.sha256[:16]}", dossier.form.drawn_at)
    attempt = line.row.attempt
    if attempt is not None and attempt.closed_at is not None:
        digest = (attempt.journal_digest or "–")[:16]
        add("journal", _("desk.basis.journal.says", count=dossier.entries, digest=digest), attempt.closed_at)
        if attempt.receipt:
            add("receipt", attempt.receipt, attempt.submitted_at)
    for score in dossier.scores:
        says = _(
            "desk.basis.score.says",
            score=_("results.outcome.pending") if score.score is None else score.score,
            number=score.number,
            revision=score.key_revision,
            digest=score.sha256[:16],
        )
        add("score", says, score.scored_at)
    if dossier.seals is not None:
        seals = dossier.seals
        broken = [name for name in ("form", "journal", "sheet") if not getattr(seals, f"{name}_ok")]
        says = (
            _("desk.separator").join(_(f"desk.basis.broken.{name}") for name in broken)
            if broken
            else _("desk.basis.recount.same")
        )
        add("recount", says)
    for late, ruled in dossier.late:
        says = f"{_('late.past.' + late.verdict)} · {_('desk.event.late_count', count=ruled.entries)}"
        add("late", says, late.at, pair(late.by, late.second))
    for ruling in dossier.rulings:
        verdict = _(f"ruling.verdict.{'stands' if ruling.stands else 'dismissed'}")
        says = f"{ruling.code} · {verdict} · {ruling.grounds}"
        add("ruling", says, ruling.decided_at, dossier.name_of(ruling.decided_by))
    if dossier.publication is not None:
        shown = dossier.publication
        add("publicity", f"{shown.published_on} – {shown.last_on}", shown.published_at)
    for one in dossier.objections:
        verdict = one.verdict or "open"
        add(
            "objection",
            f"{_('desk.basis.objection.' + verdict)} {one.grounds}",
            one.decided_at or one.entered_at,
        )
    if dossier.release is not None:
        release, result = dossier.release, line.row.result
        says = "–" if result is None else result_words(result.outcome, result.score)
        at = release.released_at if result is None or result.released_at is None else result.released_at
        add("release", says, at, pair(release.by, release.second))
    for entry, before, after in dossier.corrections:
        says = " → ".join(
            str(_(f"results.outcome.{one['outcome']}")) + (f" {one['score']}" if one.get("score") else "")
            for one in (before, after)
        )
        add("correction", f"{says} · {entry.reason}", entry.at, pair(entry.actor, after["second"]))
    if dossier.appeal is not None:
        appeal = dossier.appeal
        says = str(_(f"appeal.state.{appeal.state}"))
        if appeal.after_outcome:
            says += f" · {result_words(appeal.after_outcome, appeal.after_score)}"
        who = "" if not appeal.ended_by else dossier.name_of(appeal.ended_by)
        add("appeal", says, appeal.ended_at or appeal.asked_at, who)
    for held in dossier.certificates:
        state = _("desk.basis.certificate.revoked") if held.revoked_at else ""
        says = " ".join(filter(None, (held.number, str(state))))
        add("certificate", says, held.issued_at, dossier.name_of(held.issued_by))
    return lines


def about(dossier: Dossier) -> list[tuple[str, str]]:
    """Return whose paper it is, and where and when it was taken."""
    row = dossier.line.row
    shown = dossier.line.shown
    return [
        (str(_("results.col.name")), row.candidate.name),
        (str(_("results.col.ticket")), row.ticket_number),
        (str(_("results.col.document")), row.candidate.document_masked),
        (str(_("results.col.paper")), dossier.title),
        (
            str(_("results.col.sitting")),
            f"{dossier.batch.name} · {dossier.sitting.name} · {local_text(dossier.sitting.planned_start_at)}",
        ),
        (str(_("results.col.seat")), f"{dossier.centre.name} · {row.room_name} · {row.seat_number:02d}"),
        (str(_("results.col.state")), str(_(f"results.standing.{dossier.line.standing}"))),
        (
            str(_("results.col.verdict")),
            result_words(shown.outcome, shown.score) if shown else str(_("results.outcome.open")),
        ),
    ]


def dossier_print(dossier: Dossier, *, with_key: bool) -> bytes:
    """Return the dossier as A4 pages; the key is on it where whoever asked may see it."""
    items = [] if dossier.paper is None else dossier.paper.items
    heads = ["position", "answer", *(["key"] if with_key else []), "points", "earned", "mark"]
    answers: Rows = [
        [
            f"{one.position}",
            answer_filter(one.answer),
            *([plain(" · ".join(one.key))] if with_key else []),
            as_points(one.points),
            "–" if one.earned is None else as_unrounded(one.earned),
            "–" if one.mark is None else str(_(f"desk.mark.{one.mark}")),
        ]
        for one in items
    ]
    groups: Rows = [
        [group.name, as_points(group.points), as_unrounded(dossier.line.groups[group.number])]
        for group in dossier.groups
        if group.number in dossier.line.groups
    ]
    data: dict[str, Any] = {
        "title": _("desk.dossier.title"),
        "sub": f"{dossier.line.row.candidate.name} · {dossier.title}",
        "foot": f"{_('desk.dossier.title')} · {dossier.registration.ref}",
        "about": [list(pair) for pair in about(dossier)],
        "basis": [list(one) for one in basis_of(dossier)],
        "groups": groups,
        "answers": answers,
        "key": with_key,
        "events": [
            [
                local_text(one.at, _SECONDS),
                one.what,
                one.more,
                one.who,
                f"{_('desk.source.' + one.source)}{f' {one.number}' if one.number else ''}",
            ]
            for one in dossier.timeline.events
        ],
        "head": _("results.head", head=dossier.head) if dossier.head else "",
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "basis": _("desk.basis.title"),
            "basis_heads": [_(f"desk.basis.col.{name}") for name in ("what", "says", "at", "who")],
            "groups": _("desk.groups"),
            "groups_heads": [
                _("appeal.col.section"), _("analysis.col.points"), _("desk.col.earned"),
            ],
            "answers": _("desk.answers"),
            "answers_heads": [_(f"desk.col.{name}") for name in heads],
            "events": _("desk.timeline"),
            "events_heads": [_(f"desk.event.col.{name}") for name in ("at", "what", "more", "who", "source")],
            "signatures": [_(name) for name in _SIGNATURES],
        },
    }  # fmt: skip
    return pdf("dossier", data, language=str(flask_babel.get_locale()))


def plain(html: str) -> str:
    """Return the text of a line of HTML of our own making."""
    return unescape(_TAG.sub("", html))


FIGURES = (
    "expected", "present", "absent", "violations", "passed", "rate", "mean", "incidents",
)  # fmt: skip


def figures_row(figures: PlaceFigures) -> list[str]:
    """Return a place in figures, in the order of FIGURES, its name first."""
    balance = figures.balance
    return [
        figures.name,
        str(balance.expected),
        str(balance.present),
        str(balance.absent),
        str(figures.violations),
        str(figures.passed),
        "–" if figures.pass_percent is None else f"{figures.pass_percent}%",
        "–" if figures.mean is None else str(figures.mean),
        str(figures.incidents),
    ]


def centre_print(name: str, centres: Sequence[CentreFigures], *, head: str) -> bytes:
    """Return the report of each centre as A4 pages, each beginning on a new one."""
    data: dict[str, Any] = {
        "title": _("desk.centre.title"),
        "foot": f"{_('desk.centre.title')} · {name}",
        "name": name,
        "head": head,
        "centres": [
            {
                "name": one.name,
                "state": _("results.book.released" if one.is_released else "results.book.unreleased"),
                "whole": figures_row(one.whole)[1:],
                "rooms": [figures_row(room) for room in one.rooms],
                "papers": [figures_row(paper)[:-1] for paper in one.papers],
                "told": [
                    [
                        local_text(told.at, "%m-%d %H:%M"),
                        told.place,
                        _(f"desk.report.{told.kind}"),
                        told.facts,
                    ]
                    for told in one.told
                ],
            }
            for one in centres
        ],
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "figures": [_(f"desk.centre.{figure}") for figure in FIGURES],
            "room": _("desk.centre.room"),
            "rooms": _("desk.centre.rooms"),
            "paper": _("results.col.paper"),
            "papers": _("desk.centre.papers"),
            "told": _("desk.centre.told"),
            "told_heads": [_(f"desk.centre.col.{column}") for column in ("at", "place", "kind", "facts")],
            "none": _("desk.centre.none"),
            "signatures": [_(name) for name in _SIGNATURES],
        },
    }
    return pdf("centre_report", data, language=str(flask_babel.get_locale()))
