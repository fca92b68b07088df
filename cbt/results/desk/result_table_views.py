"""Pages of results in an office's columns: a choice with what it would hold, its file, and the mappings.

Source: R-60, R-90.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

import flask
from flask_babel import gettext as _

from cbt.errors import CbtError, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_page, refusal, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
from cbt.personal import DETAILS
from cbt.results import store
from cbt.results.column_mapping import (
    FORMS,
    MappedFile,
    MappingForm,
    lines_of,
    sent_mapping,
    shown_mapping,
)
from cbt.results.desk.jobs import TABLE
from cbt.results.desk.result_table import AUTHORITY, FIELDS, OF_A_PAPER, RESULTS, ResultTable, result_table
from cbt.results.desk.scope import Kind
from cbt.rules.roles import Role
from cbt.sittings.store import batches
from cbt.storage.unit_of_work import reading

OFFERED = 100
"""So many batches are offered, the latest first."""

pages = flask.Blueprint("tables", __name__, url_prefix="/results/tables")


@pages.get("")
@access.roles(Role.OFFICER)
def tables() -> Reply:
    """Offer the mappings and a batch; with a mapping chosen, say what its file would hold."""
    args = flask.request.args
    if "mapping" not in args:
        return _page(NOTHING_REFUSED, args, None)
    try:
        table = _chosen(args)
    except CbtError as error:
        return _page(refusal(error), args, None)
    return _page(NOTHING_REFUSED, args, table)


@pages.post("/file")
@access.roles(Role.OFFICER)
def file() -> Reply:
    """Send the file of a choice."""
    form = flask.request.form
    try:
        kind, ref = _scope(form)
        return file_reply(
            TABLE,
            subject=f"{kind}:{ref}",
            scope=kind,
            ref=ref,
            mapping=form.get("mapping", ""),
            form=form.get("form", ""),
            blanks=form.get("blanks") == "1",
        )
    except CbtError as error:
        return _page(refusal(error), form, _again(form))


def _scope(sent: Mapping[str, str]) -> tuple[Kind, str]:
    """Return what results are of, `batch:…` or `sitting:…`; raise NotFound("batch.unknown")."""
    kind, _sign, ref = sent.get("of", "").partition(":")
    if kind not in get_args(Kind):
        raise NotFound("batch.unknown")
    return cast(Kind, kind), ref


def _chosen(sent: Mapping[str, str]) -> ResultTable:
    kind, ref = _scope(sent)
    with reading() as session:
        return result_table(session, kind, ref, sent.get("mapping", ""), today=local_day(flask.g.now))


def _again(form: Mapping[str, str]) -> ResultTable | None:
    try:
        return _chosen(form)
    except CbtError:
        return None


def _page(refused: Refusal, sent: Mapping[str, str], table: ResultTable | None) -> Reply:
    of = sent.get("of", "")
    with reading() as session:
        mapped_files = RESULTS.all_files(session)
        offered = [(f"batch:{batch.ref}", batch.name) for batch, _count in batches(session, limit=OFFERED)]
        if of.startswith("sitting:"):
            sitting = store.finished_sitting(session, of.partition(":")[2])
            offered.insert(0, (of, sitting.name))
    return form_page(
        "results/desk/tables.html",
        refused,
        known=mapped_files,
        shipped=RESULTS.shipped,
        choices=[(one.ref, one.name) for one in mapped_files],
        offered=offered,
        asked=sent,
        table=table,
        forms=[(form, _(f"certificates.upload.form.{form}")) for form in FORMS],
    )


@pages.get("/new")
@access.roles(Role.OFFICER)
def new() -> Reply:
    with reading() as session:
        source = RESULTS.file_of(session, flask.request.args.get("from", AUTHORITY))
    return _form(None, MappingForm("", source.dates, lines_of(source)), NOTHING_REFUSED)


@pages.post("/new")
@access.roles(Role.OFFICER)
def make() -> Reply:
    return _keep(None)


@pages.get("/<ref>")
@access.roles(Role.OFFICER)
def mapping(ref: str) -> Reply:
    with reading() as session:
        known = RESULTS.file_of(session, ref)
    if ref in RESULTS.shipped:
        args: dict[str, Any] = {"from": ref}
        return flask.redirect(flask.url_for("results.tables.new", **args), 303)
    return _form(known, MappingForm(known.name, known.dates, lines_of(known)), NOTHING_REFUSED)


@pages.post("/<ref>")
@access.roles(Role.OFFICER)
def change(ref: str) -> Reply:
    with reading() as session:
        known = RESULTS.file_of(session, ref)
    return _keep(known)


@pages.post("/<ref>/remove")
@access.roles(Role.OFFICER)
def remove(ref: str) -> Reply:
    RESULTS.remove(ref, now=flask.g.now, actor=acting())
    return see_other(_("certificates.upload.removed"), "results.tables.tables")


def _keep(known: MappedFile | None) -> Reply:
    wanted = sent_mapping(flask.request.form)
    try:
        RESULTS.keep(known.ref if known else "", wanted, now=flask.g.now, actor=acting())
    except CbtError as error:
        return _form(known, wanted, refusal(error))
    return see_other(_("certificates.upload.saved"), "results.tables.tables")


def _form(known: MappedFile | None, wanted: MappingForm, refused: Refusal) -> Reply:
    return form_page(
        "results/desk/mapping.html",
        refused,
        known=known,
        fields=[(name, _label(name)) for name in FIELDS],
        **shown_mapping(wanted),
    )


_OWN = frozenset({*OF_A_PAPER, "ticket", "overall", "released_on", "batch"})
"""The fields that certificates do not have."""


def _label(name: str) -> str:
    """Return what a field is called; a number that pages mask goes out in full."""
    if name in DETAILS:
        title = DETAILS[name].title
        return str(_("certificates.upload.in_full", field=title)) if DETAILS[name].sealed else title
    return str(_(f"desk.table.field.{name}" if name in _OWN else f"certificates.upload.field.{name}"))
