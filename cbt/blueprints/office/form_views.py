"""The form of a blueprint on a page: filled in, a row more or less, checked, put in force, gone on with as text."""

from __future__ import annotations

from typing import Any

import flask
import flask_babel

from cbt.blueprints.office import service
from cbt.blueprints.office.form import (
    BlueprintForm,
    act_on,
    blank_form,
    data_of,
    form_of,
    head_of,
    sent_form,
    written,
)
from cbt.blueprints.office.pages import TextTarget, shown, target_of
from cbt.blueprints.office.text_check import CheckedText, LineFinding, checked
from cbt.blueprints.spec import SECTION
from cbt.blueprints.toml_file import parse
from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import one_line, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_page, refusal, see_other
from cbt.http.partials import Reply
from cbt.rules.exam.paper import TOOLS
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("form", __name__)

MOST_NUMBER = 1_000_000
TYPES = [kind for kind in next(field for field in SECTION if field.key == "type").allowed if kind != "case"]


@pages.get("/office/blueprints/new")
@access.roles(Role.OFFICER)
def new() -> Reply:
    """Show the form of a new blueprint."""
    return _page(blank_form(), "", CheckedText(""), NOTHING_REFUSED)


@pages.get("/office/blueprints/of/<ref>/form", endpoint="edit")
@access.roles(Role.OFFICER)
def edit(ref: str) -> Reply:
    """Show the form of the version in force."""
    with reading() as session:
        found = shown(session, ref)
    base = f"{ref}:{found.version.number}"
    sent = CheckedText(found.version.row.source, blueprint=found.blueprint)
    return _page(form_of(_tables(found.version.row.source)), base, sent, NOTHING_REFUSED)


@pages.post("/office/blueprints/form")
@access.roles(Role.OFFICER)
def save() -> Reply:
    """Add or take away a row or a paper, check, put in force, or go on with the text."""
    sent, form = flask.request.form, sent_form(flask.request.form)
    base, act = sent.get("base", ""), sent.get("act", "check")
    if act_on(form, act):
        return _page(form, base, CheckedText(""), NOTHING_REFUSED)
    text = CheckedText("")
    try:
        before, head = _base(base)
        text = checked(written(data_of(form, before), head))
        if act == "text":
            return editor_page(text, NOTHING_REFUSED)
        if act != "keep":
            return _page(form, base, text, NOTHING_REFUSED, checked_now=True)
        if text.blueprint is None:
            raise InvalidInput("blueprint.not_kept", count=len(text.findings))
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
        target = target_of(session, text)
    errors, others = _placed(form, text.findings)
    types = [(kind, flask_babel.gettext(f"exams.type.{kind}")) for kind in TYPES]
    return form_page(
        "blueprints/office/form.html",
        refused,
        form=form,
        base=base,
        types=types,
        tools=TOOLS,
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
    for paper in form.papers:
        names += [f"papers.{paper.code}.{name}" for name in paper.values]
        for place, row in enumerate(paper.rows):
            names += [f"papers.{paper.code}.{paper.kind}.{place}.{name}" for name in row.values]
    errors: dict[str, str] = {}
    others: list[LineFinding] = []
    for one in findings:
        path = ".".join(str(step) for step in one.path)
        at = next((name for name in names if name == path), "")
        at = at or next((name for name in names if path.startswith(f"{name}.")), "")
        at = at or next((name for name in names if path.count(".") > 1 and name.startswith(f"{path}.")), "")
        if at and at not in errors:
            errors[at] = f"{one.what} {one.fix}"
        else:
            others.append(one)
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
