"""Pages of the desk of bad items (试题复核): a sitting's items, one item with a preview, one correction.

Source: R-54, R-62, R-99.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flask
import msgspec
from flask_babel import gettext as _

from cbt.accounts.approvals.requests import SecondPersonTerms
from cbt.accounts.approvals.views import ask_for, typed_second
from cbt.bank.service import key_view
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import page_of, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page
from cbt.http.partials import Reply
from cbt.items.preview import key_lines, preview_paper
from cbt.jobs.answers import act_answered, have_done
from cbt.jobs.registry import JobKind
from cbt.results.analysis import job as analysis
from cbt.results.analysis import tables
from cbt.results.analysis.figures import AnalysisReport
from cbt.results.analysis.scope import scope_of
from cbt.results.key_corrections import desk
from cbt.results.key_corrections.correction import correction_wish, require_reason
from cbt.results.key_corrections.effect import (
    AskedItem,
    CorrectionEffect,
    EffectLine,
    ItemPlace,
    KeyProposal,
    mark_of,
    place_of,
)
from cbt.results.key_corrections.fresh_marks import RoundScope
from cbt.results.key_corrections.jobs import (
    ASK_ROUND,
    CALL_OFF_ROUND,
    CORRECT_KEY,
    PREVIEW,
    asked_of,
    item_page,
    preview_of,
)
from cbt.results.key_corrections.typed_answers import UNTYPED, answers_in, numbered_in
from cbt.results.release import SECOND_FOR_RELEASE, password_allowed
from cbt.results.store import finished_sitting
from cbt.rules.key_corrections import CorrectionKind
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
MOST_PARTS = 99
MOST_VERSIONS = 99_999

pages = flask.Blueprint("keys", __name__, url_prefix="/results")


@pages.get("/<sitting_ref>/items")
@access.roles(*READERS)
def index(sitting_ref: str) -> Reply:
    """List the items of a sitting, those that something speaks against first."""
    report = _figures(sitting_ref)
    with reading() as session:
        sitting = finished_sitting(session, sitting_ref)
        found = desk.item_desk(session, sitting, report, page=page_of(flask.request.args))
    return flask.render_template(
        "results/key_corrections/index.html",
        found=found,
        has_figures=report is not None,
        item_page=item_page,
        interval=tables.said_interval,
        page_url=lambda number: flask.url_for("results.keys.index", sitting_ref=sitting_ref, page=number),
    )


def _figures(sitting_ref: str) -> AnalysisReport | None:
    """Return the figures of a sitting's items, worked out where nobody has looked yet; None while that goes on."""
    scope = scope_of("sitting", sitting_ref)
    report = analysis.kept_report(scope, now=flask.g.now)
    if report is not None:
        return report
    page = flask.url_for("results.keys.index", sitting_ref=sitting_ref)
    answered = have_done(analysis.ANALYSIS, subject=scope.subject, page=page, asked=scope.asked)
    return None if answered.file is None else analysis.report_in(answered.file)


def _item(sitting_ref: str, bank_ref: str, item_ref: str, version: int) -> AskedItem:
    part = whole_number(flask.request.args.get("part", ""), most=MOST_PARTS)
    return AskedItem(sitting_ref, bank_ref, item_ref, version, part - 1 if part else None)


_ADDRESS = "/<sitting_ref>/items/<bank_ref>/<item_ref>/<int:version>"


@pages.get(_ADDRESS)
@access.roles(*READERS)
def item(
    sitting_ref: str, bank_ref: str, item_ref: str, version: int, refused: Refusal = NOTHING_REFUSED
) -> Reply:
    """Show an item as it was asked, what speaks against it, and what a correction would change."""
    asked = _item(sitting_ref, bank_ref, item_ref, version)
    args = flask.request.values
    report = analysis.kept_report(scope_of("sitting", sitting_ref), now=flask.g.now)
    effect = _effect(asked, args.get("preview", ""))
    with reading() as session:
        found = desk.item_page(session, asked, report)
        is_stale = effect is not None and effect.mark != mark_of(session, found.place.sitting.id)
        answers = [] if effect is None else _answers_said(session, found.place, effect.proposal)
        show = args.get("show", "")
        lines = _shown(session, effect.lines, show) if effect else None
    key_view(act="item.view_key", subject=f"item:{item_ref}", actor=acting(), now=flask.g.now)
    keys = key_lines(found.place.content)
    return form_page(
        "results/key_corrections/item.html",
        refused,
        found=found,
        key=keys[asked.part or 0],
        paper=preview_paper(found.place.content, seed=item_ref),
        choices=None if found.figures is None else tables.choices(found.figures),
        flags="" if found.figures is None else tables.flags_said(found.figures),
        may_propose=signed_in().has(Role.OFFICER),
        kinds=_kinds(found),
        is_typed=found.asked.type not in UNTYPED,
        numbered=numbered_in(found.asked),
        scopes=tuple(scope.value for scope in RoundScope),
        preview=args.get("preview", ""),
        effect=effect,
        is_stale=is_stale,
        answers=answers,
        lines=lines,
        tabs=_tabs(effect.lines, show, lambda which: _here(asked, show=which)) if effect else (),
        page_url=lambda number: _here(asked, show=show, page=number),
        item_page=item_page,
        by_password=password_allowed(sitting_ref),
    )


def _kinds(found: desk.ItemPage) -> Sequence[CorrectionKind]:
    """Return what may be done about an item: nobody types the key of some, and people mark others."""
    is_typed, by_people = found.asked.type not in UNTYPED, found.asked.by_people
    return [kind for kind in CorrectionKind if kind.suits(by_people=by_people, is_typed=is_typed)]


def _answers_said(session: Any, place: ItemPlace, proposal: KeyProposal) -> list[str]:
    return desk.answers_said(session, place, proposal.item, proposal.kind, proposal.answers)


def _effect(asked: AskedItem, ref: str) -> CorrectionEffect | None:
    if not ref:
        return None
    try:
        effect = preview_of(ref[:40], now=flask.g.now)
    except CbtError:  # what stands in the way now is said when a preview is asked for
        return None
    return effect if effect.proposal.item == asked else None


def _shown(session: Any, lines: Sequence[EffectLine], show: str) -> Any:
    return desk.concerned(session, desk.lines_by(lines, show), page=page_of(flask.request.args))


def _tabs(lines: Sequence[EffectLine], show: str, url: Any) -> Sequence[tuple[str, str, bool]]:
    return [
        (
            url(which),
            _("key.tab", name=_(f"key.show.{which or 'all'}"), count=len(desk.lines_by(lines, which))),
            which == show,
        )
        for which in ("", *desk.FILTERS)
    ]


def _here(asked: AskedItem, **where: Any) -> str:
    return item_page(asked, preview=flask.request.values.get("preview", ""), _anchor="effect", **where)


def _on_its_page(error: CbtError) -> bool:
    stays = ("key.", "second.", "text.", "approval.", "item.answer", "marking.no_fresh")
    return error.code.startswith(stays) and error.code != "key.unknown"


@pages.post(f"{_ADDRESS}/preview")
@access.roles(Role.OFFICER)
@form_on(item, only=_on_its_page)
def preview(sitting_ref: str, bank_ref: str, item_ref: str, version: int) -> Reply:
    """Work out what a correction would make of everybody, and show it."""
    asked = _item(sitting_ref, bank_ref, item_ref, version)
    form = flask.request.form
    if form.get("kind", "") not in {kind.value for kind in CorrectionKind}:
        raise InvalidInput("key.kind", field="kind")
    kind = CorrectionKind(form["kind"])
    answers: list[object] = []
    if kind.names_answers:
        with reading() as session:
            content = place_of(session, asked).content.part(asked.part)
        answers = list(answers_in(content, form.get("answers", "")))
    elif kind is CorrectionKind.RUBRIC:
        answers = [_rubric_version()]
    proposal = msgspec.to_builtins(KeyProposal(asked, kind, answers))
    answered = have_done(PREVIEW, subject=asked.subject, page=item_page(asked), asked=proposal)
    if answered.file is None:
        return flask.redirect(flask.url_for("jobs.job", ref=answered.ref, then=1), 303)
    return flask.redirect(item_page(asked, preview=answered.ref, _anchor="effect"), 303)


def _rubric_version() -> int:
    """Return the version whose rubric was chosen; raise InvalidInput("key.rubric")."""
    version = whole_number(flask.request.form.get("rubric", ""), most=MOST_VERSIONS)
    if not version:
        raise InvalidInput("key.rubric", field="rubric")
    return version


@pages.post(f"{_ADDRESS}/marks")
@access.roles(Role.OFFICER)
@form_on(item, only=_on_its_page)
def ask_marks(sitting_ref: str, bank_ref: str, item_ref: str, version: int) -> Reply:
    """Have the answers to an item marked anew by a rubric."""
    asked, scope = _item(sitting_ref, bank_ref, item_ref, version), flask.request.form.get("scope", "")
    if scope not in {one.value for one in RoundScope}:
        raise InvalidInput("key.scope", field="scope")
    return _about_marks(asked, ASK_ROUND, version=_rubric_version(), scope=scope)


@pages.post(f"{_ADDRESS}/marks/off")
@access.roles(Role.OFFICER)
@form_on(item, only=_on_its_page)
def call_off_marks(sitting_ref: str, bank_ref: str, item_ref: str, version: int) -> Reply:
    """Wait no more for what is not marked anew."""
    asked = _item(sitting_ref, bank_ref, item_ref, version)
    return _about_marks(asked, CALL_OFF_ROUND, version=_rubric_version())


def _about_marks(item: AskedItem, kind: JobKind, **asked: object) -> Reply:
    page = item_page(item, _anchor="marks")
    told = {"item": msgspec.to_builtins(item), **asked}
    return act_answered(kind, have_done(kind, subject=item.subject, page=page, asked=told), page)


@pages.post(_ADDRESS)
@access.roles(Role.OFFICER)
@form_on(item, only=_on_its_page)
def correct(sitting_ref: str, bank_ref: str, item_ref: str, version: int) -> Reply:
    """Correct the key with a second person, or ask one."""
    asked, form, me = _item(sitting_ref, bank_ref, item_ref, version), flask.request.form, signed_in()
    ref = form.get("preview", "")[:40]
    effect = preview_of(ref, now=flask.g.now)
    if effect.proposal.item != asked:
        raise Conflict("key.preview_gone")
    with reading() as session:
        place = place_of(session, asked)
        if form.get("seen") != effect.seen or effect.mark != mark_of(session, place.sitting.id):
            raise Conflict("key.changed")
        said = _answers_said(session, place, effect.proposal)
    reason = require_reason(form.get("reason", ""))
    terms = SecondPersonTerms(SECOND_FOR_RELEASE)
    second = typed_second(me, terms, allowed=password_allowed(sitting_ref))
    if second is None:
        answers = " / ".join(said)
        needed, wish = correction_wish(
            effect, preview=ref, place=place.sitting.name, answers=answers, reason=reason
        )
        return ask_for(needed, lambda: wish)
    back = item_page(asked)
    answered = have_done(
        CORRECT_KEY, subject=asked.subject, page=back, asked=asked_of(effect, me, second, reason)
    )
    made = (answered.outcome or {}).get("ref")
    page = flask.url_for("results.keys.correction", ref=made) if made else back
    return act_answered(CORRECT_KEY, answered, page)


@pages.get("/key-corrections/<ref>")
@access.roles(*READERS)
def correction(ref: str) -> Reply:
    """Show a correction: what was decided by whom, everybody's before and after, and what is left to do."""
    show = flask.request.args.get("show", "")
    with reading() as session:
        found = desk.correction_page(session, ref)
        lines = _shown(session, found.lines, show)

    def here(which: str, **where: Any) -> str:
        return flask.url_for("results.keys.correction", ref=ref, show=which, _anchor="effect", **where)

    return flask.render_template(
        "results/key_corrections/correction.html",
        found=found,
        lines=lines,
        tabs=_tabs(found.lines, show, here),
        page_url=lambda number: here(show, page=number),
        item_page=item_page,
    )
