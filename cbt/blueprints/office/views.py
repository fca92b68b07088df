"""The office's pages of blueprints and reasons: lists, versions, the form and the text of one, put in force."""

from __future__ import annotations

from typing import Any

import flask
import flask_babel

from cbt.blueprints.office import service
from cbt.blueprints.office.pages import (
    TIMING,
    BlueprintForm,
    TextTarget,
    act_on,
    blank_form,
    data_of,
    form_lists,
    form_of,
    head_of,
    listed,
    sent_form,
    shown,
    target_of,
    written,
)
from cbt.blueprints.office.service import KINDS, Row, RowPlace
from cbt.blueprints.office.text_check import CheckedText, LineFinding, checked, text_of
from cbt.blueprints.reasons import table_in_force, version_in_force
from cbt.blueprints.spec import SECTION
from cbt.blueprints.store import numbered_version
from cbt.blueprints.toml_file import parse
from cbt.blueprints.versions import own_folder, told_faults
from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.form_values import one_line, whole_number
from cbt.http.forms import (
    NOTHING_REFUSED,
    Refusal,
    form_on,
    form_page,
    head_of_page,
    refusal,
    see_other,
    uploaded,
)
from cbt.http.partials import Reply, page_of_form
from cbt.rules.enrolment.conditions import EducationLevel, SchoolKind
from cbt.rules.exam import TOOLS
from cbt.rules.roles import Role
from cbt.rules.violations import Effect, Evidence, Tier
from cbt.storage.unit_of_work import reading

form_pages = flask.Blueprint("form", __name__)

MOST_NUMBER = 1_000_000
TYPES = [kind for kind in next(field for field in SECTION if field.key == "type").allowed if kind != "case"]


@form_pages.get("/office/blueprints/new", endpoint="new")
@access.roles(Role.OFFICER)
def new_form() -> Reply:
    return _page(blank_form(), "", CheckedText(""), NOTHING_REFUSED)


@form_pages.get("/office/blueprints/of/<ref>/form", endpoint="edit")
@access.roles(Role.OFFICER)
def edit_form(ref: str) -> Reply:
    with reading() as session:
        shown_version = shown(session, ref)
    base = f"{ref}:{shown_version.version.number}"
    sent = CheckedText(shown_version.version.row.source, blueprint=shown_version.blueprint)
    return _page(form_of(_tables(shown_version.version.row.source)), base, sent, NOTHING_REFUSED)


@form_pages.post("/office/blueprints/form", endpoint="save")
@access.roles(Role.OFFICER)
def save_form() -> Reply:
    """Add or take away a row or a paper, check, put in force, or go on with the text."""
    sent, form = flask.request.form, sent_form(flask.request.form)
    base, act = sent.get("base", ""), sent.get("act", "check")
    if act_on(form, act):
        return _page(form, base, CheckedText(""), NOTHING_REFUSED)
    text = CheckedText("")
    try:
        before, head = _base(base)
        text = checked(written(data_of(form, before), head))
        if form.untimed:
            text = CheckedText(text.text, text.findings)
        if act == "text":
            return editor_page(text, NOTHING_REFUSED)
        if act != "keep":
            return _page(form, base, text, NOTHING_REFUSED, checked_now=True)
        if text.blueprint is None:
            raise InvalidInput("blueprint.not_kept", count=len(text.findings) + len(form.untimed))
        service.keep(
            text.blueprint,
            text.text,
            begun_from=sent.get("begun_from", ""),
            reason=one_line(sent.get("reason", ""), "reason")[:200],
            now=flask.g.now,
            actor=acting(),
        )
    except CbtError as error:
        return _page(form, base, text, refusal(error), checked_now=True)
    return see_other(
        flask_babel.gettext("exams.desk.kept", ref=text.blueprint.ref),
        "blueprints.blueprint",
        ref=text.blueprint.ref,
    )


def _base(base: str) -> tuple[dict[str, Any], list[str]]:
    """Return the tables of the version a form was begun from and the comment at its head; nothing for a new one."""
    ref, _, number = base.rpartition(":")
    if not ref:
        return {}, []
    with reading() as session:
        text = shown(session, ref, whole_number(number, most=MOST_NUMBER) or 0).version.row.source
    return _tables(text), head_of(text)


def _tables(stored: str) -> dict[str, Any]:
    """Return the tables of a stored text, which was read before it was stored."""
    return dict(parse(stored)[0] or {})


def _page(
    form: BlueprintForm, base: str, text: CheckedText, refused: Refusal, *, checked_now: bool = False
) -> Reply:
    with reading() as session:
        target, lists = target_of(session, text), form_lists(session)
    errors, others = _placed(form, text.findings)
    if checked_now:
        asked = flask_babel.gettext("exams.desk.field.timing.asked")
        errors |= {f"papers.{code}.{TIMING}": asked for code in form.untimed}
    types = [(kind, flask_babel.gettext(f"exams.type.{kind}")) for kind in TYPES]
    return form_page(
        "blueprints/office/form.html",
        refused,
        form=form,
        base=base,
        types=types,
        tools=TOOLS,
        lists=lists,
        education=tuple(EducationLevel),
        schools=tuple(SchoolKind),
        target=target,
        begun_from=begun_from(target, refused),
        errors=errors,
        others=others,
        checked_now=checked_now,
    )


def _placed(
    form: BlueprintForm, findings: tuple[LineFinding, ...]
) -> tuple[dict[str, str], list[LineFinding]]:
    """Return the findings by the field they belong to, and those that no field of the form shows."""
    names = [*form.values]
    for place, row in enumerate(form.conditions):
        names += [f"eligibility.{place}.{name}" for name in row.values]
    for paper in form.papers:
        names += [f"papers.{paper.code}.{name}" for name in paper.values]
        for place, row in enumerate(paper.rows):
            names += [f"papers.{paper.code}.{paper.kind}.{place}.{name}" for name in row.values]
    errors: dict[str, str] = {}
    others: list[LineFinding] = []
    for finding in findings:
        path = ".".join(str(step) for step in finding.path)
        at = next((name for name in names if name == path), "")
        at = at or next((name for name in names if path.startswith(f"{name}.")), "")
        at = at or next((name for name in names if path.count(".") > 1 and name.startswith(f"{path}.")), "")
        if at and at not in errors:
            errors[at] = f"{finding.what} {finding.fix}"
        else:
            others.append(finding)
    return errors, others


def editor_page(sent: CheckedText, refused: Refusal, *, checked_now: bool = False) -> Reply:
    """Show a text under the editor, with what is wrong with it or what it would become."""
    with reading() as session:
        target = target_of(session, sent)
    return form_page(
        "blueprints/office/editor.html",
        refused,
        sent=sent,
        target=target,
        begun_from=begun_from(target, refused),
        checked_now=checked_now,
    )


def begun_from(target: TextTarget | None, refused: Refusal) -> str:
    """Return the digest of the version a person has seen: what their page said, until another one is told of."""
    current = target.in_force if target else ""
    sent = flask.request.form.get("begun_from", "")
    return current if refused.error == "blueprint.changed" or not sent else sent


reason_pages = flask.Blueprint("reasons", __name__)
REASON_READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@reason_pages.get("/office/reasons", endpoint="index")
@access.roles(*REASON_READERS)
def reason_index() -> Reply:
    with reading() as session:
        table = table_in_force(session)
    return flask.render_template("blueprints/office/reasons.html", table=table, kinds=KINDS)


@reason_pages.get("/office/reasons/reasons.toml", endpoint="source")
@access.roles(*REASON_READERS)
def reason_source() -> Reply:
    with reading() as session:
        text = service.reasons_text(session)
    return attachment(text.encode(), "application/toml", "reasons.toml")


@reason_pages.get("/office/reasons/<listed>/new", endpoint="new")
@access.roles(Role.OFFICER)
def new_reason(listed: str) -> Reply:
    return edit_reason(listed, "", NOTHING_REFUSED)


@reason_pages.get("/office/reasons/<listed>/of/<code>", endpoint="edit")
@access.roles(Role.OFFICER)
def edit_reason(listed: str, code: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of a row."""
    with reading() as session:
        table, version = table_in_force(session), version_in_force(session)
        place: RowPlace = service.place_of(table, listed, code)
    row: Row | None = service.rows_of(table, listed)[place.index] if code else None
    return form_page(
        "blueprints/office/reason.html",
        refused,
        kind=listed,
        row=row,
        begun_from=refused.sent.get("begun_from") or version or "",
        tiers=tuple(Tier),
        effects=tuple(Effect),
        evidences=tuple(Evidence),
    )


@reason_pages.post("/office/reasons/<listed>/new")
@access.roles(Role.OFFICER)
def add(listed: str) -> Reply:
    return _keep(listed, "")


@reason_pages.post("/office/reasons/<listed>/of/<code>", endpoint="save")
@access.roles(Role.OFFICER)
def save_reason(listed: str, code: str) -> Reply:
    return _keep(listed, code)


@form_on(edit_reason)
def _keep(listed: str, code: str) -> Reply:
    form = flask.request.form
    with reading() as session:
        service.place_of(table_in_force(session), listed, code)
    row = service.read_row(listed, code, form)
    service.keep_reason(
        listed,
        code,
        row,
        begun_from=form.get("begun_from", ""),
        reason=one_line(form.get("reason", ""), "reason")[: service.MOST],
        now=flask.g.now,
        actor=acting(),
    )
    flask.flash(flask_babel.gettext("exams.reasons.kept", name=row.zh), "ok")
    return flask.redirect(flask.url_for("blueprints.reasons.index") + f"#{listed}", 303)


pages = flask.Blueprint("blueprints", __name__)
pages.register_blueprint(form_pages)
pages.register_blueprint(reason_pages)

READERS = (Role.OFFICER, Role.AUTHOR, Role.REVIEWER, Role.INSPECTOR, Role.ADMIN)
MOST_REASON = 200
MOST_VERSIONS = 1_000_000


@pages.get("/office/blueprints")
@access.roles(*READERS)
def index(refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        blueprints = listed(session)
    return form_page(
        "blueprints/office/list.html", refused, found=blueprints, faults=told_faults(), folder=own_folder()
    )


@pages.post("/office/blueprints/folder")
@access.roles(Role.OFFICER)
def folder() -> Reply:
    """Take what is new in the files of the folder, as a start does; what is faulty is told on the list."""
    files = service.read_folder(own_folder(), now=flask.g.now, actor=acting())
    bad = sum(one.error is not None for one in files)
    sentence = flask_babel.gettext("exams.desk.folder_read", count=len(files) - bad, bad=bad)
    flask.flash(sentence, "warn" if bad else "ok")
    return flask.redirect(flask.url_for("blueprints.index"), 303)


@pages.post("/office/blueprints/file")
@access.roles(Role.OFFICER)
@form_on(index)
def bring() -> Reply:
    """Show the text of a file that is brought under the editor, with everything that is wrong with it."""
    name, body = uploaded("file")
    text = checked(text_of(body, name))
    return editor_page(text, NOTHING_REFUSED)


@pages.get("/office/blueprints/of/<ref>")
@access.roles(*READERS)
def blueprint(ref: str) -> Reply:
    number = whole_number(flask.request.args.get("version", ""), most=MOST_VERSIONS)
    with reading() as session:
        shown_blueprint = shown(session, ref, number)
    return flask.render_template("blueprints/office/blueprint.html", found=shown_blueprint)


@pages.get("/office/blueprints/of/<ref>/<int:number>.toml")
@access.roles(*READERS)
def source(ref: str, number: int) -> Reply:
    with reading() as session:
        text = numbered_version(session, ref, number).row.source
    return attachment(text.encode(), "application/toml", f"{ref}-{number}.toml")


@pages.get("/office/blueprints/of/<ref>/text")
@access.roles(Role.OFFICER)
def edit(ref: str) -> Reply:
    with reading() as session:
        shown_blueprint = shown(session, ref)
    return editor_page(
        CheckedText(shown_blueprint.version.row.source, blueprint=shown_blueprint.blueprint), NOTHING_REFUSED
    )


@pages.post("/office/blueprints/text")
@access.roles(Role.OFFICER)
def text() -> Reply:
    """Check the text under the editor; put it in force where that is asked for and nothing is wrong with it."""
    form = flask.request.form
    sent = CheckedText(form.get("text", ""))
    try:
        sent = checked(sent.text)
        if form.get("act") != "keep":
            return editor_page(sent, NOTHING_REFUSED, checked_now=True)
        if sent.blueprint is None:
            raise InvalidInput("blueprint.not_kept", count=len(sent.findings))
        reason = one_line(form.get("reason", ""), "reason")[:MOST_REASON]
        service.keep(
            sent.blueprint,
            sent.text,
            begun_from=form.get("begun_from", ""),
            reason=reason,
            now=flask.g.now,
            actor=acting(),
        )
    except CbtError as error:
        return editor_page(sent, refusal(error))
    return see_other(
        flask_babel.gettext("exams.desk.kept", ref=sent.blueprint.ref),
        "blueprints.blueprint",
        ref=sent.blueprint.ref,
    )


@pages.post("/office/blueprints/samples/away")
@access.roles(Role.OFFICER, Role.ADMIN)
def put_samples_away() -> Reply:
    """Put away samples that nobody can use: the one that is named, or all of them."""
    ref = flask.request.form.get("ref", "")
    refs = service.put_samples_away(ref=ref, now=flask.g.now, actor=acting())
    said = flask_babel.gettext("exams.samples.away", count=len(refs))
    flask.flash(said, "ok" if refs else "message")
    return flask.redirect(page_of_form(flask.request) or flask.url_for("blueprints.index"), 303)


@pages.post("/office/blueprints/samples/back")
@access.roles(Role.OFFICER, Role.ADMIN)
def put_samples_back() -> Reply:
    """Put samples in force again that were put away."""
    ref = flask.request.form.get("ref", "")
    refs = service.put_samples_back(ref=ref, now=flask.g.now, actor=acting())
    flask.flash(flask_babel.gettext("exams.samples.back", count=len(refs)), "ok" if refs else "message")
    return flask.redirect(page_of_form(flask.request) or flask.url_for("blueprints.index"), 303)


@pages.post("/office/blueprints/of/<ref>/withdraw")
@access.roles(Role.OFFICER)
@form_on(head_of_page("blueprints.blueprint"))
def withdraw(ref: str) -> Reply:
    """Take a blueprint out of force."""
    service.withdraw(ref, now=flask.g.now, actor=acting())
    return see_other(
        flask_babel.gettext("exams.desk.withdrawn_done", ref=ref), "blueprints.blueprint", ref=ref
    )


@pages.post("/office/blueprints/of/<ref>/again")
@access.roles(Role.OFFICER)
@form_on(head_of_page("blueprints.blueprint"))
def again(ref: str) -> Reply:
    """Put a former version in force again."""
    number = whole_number(flask.request.form.get("number", ""), most=MOST_VERSIONS) or 0
    service.use_again(ref, number, reason="", now=flask.g.now, actor=acting())
    return see_other(
        flask_babel.gettext("exams.desk.again_done", number=number), "blueprints.blueprint", ref=ref
    )
