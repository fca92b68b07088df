"""Pages of the upload files: the mappings, what a file would hold, and the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import flask
from flask_babel import gettext as _

from cbt.certificates import uploads as mappings
from cbt.certificates.uploads import (
    CONSTANT,
    DATES,
    EXAMPLE,
    FIELDS,
    FORMS,
    MOST_COLUMNS,
    STANDARD,
    ChosenUpload,
    MappedFile,
    MappingForm,
    chosen,
    places,
    read_choice,
    upload_file,
)
from cbt.errors import CbtError
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_page, refusal, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.personal.fields import DETAILS
from cbt.rules.roles import Role
from cbt.sittings.store import batches
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("uploads", __name__)

OFFERED = 100
"""So many batches are offered, the latest first."""
_SPARE = 5
"""So many empty lines a form ends with."""
_CELLS = ("place", "header", "field", "text")
_Lines = Sequence[Mapping[str, object]]


@pages.get("/office/certificates/uploads")
@access.roles(Role.OFFICER)
def uploads() -> Reply:
    """Offer the mappings and a choice of certificates; with a choice, say what its file would hold."""
    args = flask.request.args
    if "mapping" not in args:
        return _page(NOTHING_REFUSED, args, None)
    try:
        with reading() as session:
            found = chosen(session, read_choice(args))
    except CbtError as error:
        return _page(refusal(error), args, None)
    return _page(NOTHING_REFUSED, args, found)


@pages.post("/office/certificates/uploads/file")
@access.roles(Role.OFFICER)
def file() -> Reply:
    """Send the file of a choice."""
    form = flask.request.form
    try:
        made = upload_file(
            read_choice(form),
            form=form.get("form", ""),
            blanks=form.get("blanks") == "1",
            today=f"{local_day(flask.g.now):%Y%m%d}",
            now=flask.g.now,
            actor=acting(),
        )
    except CbtError as error:
        return _page(refusal(error), form, _again(form))
    return attachment(made.body, made.mimetype, made.name)


def _again(form: Mapping[str, str]) -> ChosenUpload | None:
    try:
        with reading() as session:
            return chosen(session, read_choice(form))
    except CbtError:
        return None


def _page(refused: Refusal, asked: Mapping[str, str], found: ChosenUpload | None) -> Reply:
    with reading() as session:
        known = mappings.all_mappings(session)
        offered = [(batch.ref, batch.name) for batch, _count in batches(session, limit=OFFERED)]
    today = local_day(flask.g.now)
    return form_page(
        "certificates/uploads/uploads.html",
        refused,
        known=known,
        choices=[(one.ref, one.name) for one in known],
        offered=offered,
        asked=asked,
        since=asked.get("since") or today.replace(day=1).isoformat(),
        until=asked.get("until") or today.isoformat(),
        found=found,
        forms=[(one, _(f"certificates.upload.form.{one}")) for one in FORMS],
        standard=STANDARD,
    )


@pages.get("/office/certificates/uploads/new")
@access.roles(Role.OFFICER)
def new() -> Reply:
    """Show the form of a new mapping, begun from the one that comes with the product or from another."""
    with reading() as session:
        source = mappings.mapping_of(session, flask.request.args.get("from", STANDARD))
    return _form(None, "", source.dates, _lines_of(source), NOTHING_REFUSED)


@pages.post("/office/certificates/uploads/new")
@access.roles(Role.OFFICER)
def make() -> Reply:
    """Save a new mapping."""
    return _keep(None)


@pages.get("/office/certificates/uploads/<ref>")
@access.roles(Role.OFFICER)
def mapping(ref: str) -> Reply:
    """Show the form of a saved mapping."""
    with reading() as session:
        known = mappings.mapping_of(session, ref)
    if ref == STANDARD:
        return flask.redirect(flask.url_for("certificates.uploads.new"), 303)
    return _form(known, known.name, known.dates, _lines_of(known), NOTHING_REFUSED)


@pages.post("/office/certificates/uploads/<ref>")
@access.roles(Role.OFFICER)
def change(ref: str) -> Reply:
    """Save a changed mapping."""
    with reading() as session:
        known = mappings.mapping_of(session, ref)
    return _keep(known)


@pages.post("/office/certificates/uploads/<ref>/remove")
@access.roles(Role.OFFICER)
def remove(ref: str) -> Reply:
    """Remove a mapping."""
    mappings.remove_mapping(ref, now=flask.g.now, actor=acting())
    return see_other(_("certificates.upload.removed"), "certificates.uploads.uploads")


def _keep(known: MappedFile | None) -> Reply:
    form = flask.request.form
    most = MOST_COLUMNS + _SPARE
    cells = list(zip(*(form.getlist(name)[:most] for name in _CELLS), strict=False))
    wanted = MappingForm(form.get("name", ""), form.get("dates", ""), cells)
    try:
        mappings.keep_mapping(known.ref if known else "", wanted, now=flask.g.now, actor=acting())
    except CbtError as error:
        lines = [dict(zip(_CELLS, one, strict=True)) for one in cells]
        return _form(known, wanted.name, wanted.dates, lines, refusal(error))
    return see_other(_("certificates.upload.saved"), "certificates.uploads.uploads")


def _lines_of(known: MappedFile) -> _Lines:
    lines: list[Mapping[str, object]] = []
    for place, one in zip(
        places(len(known.columns) + _SPARE), [*known.columns, *[None] * _SPARE], strict=True
    ):
        if one is None:
            lines.append({"place": place, "header": "", "field": "", "text": ""})
        else:
            lines.append({"place": place, "header": one.header, "field": one.field, "text": one.text})
    return lines


def _form(known: MappedFile | None, name: str, dates: str, lines: _Lines, refused: Refusal) -> Reply:
    return form_page(
        "certificates/uploads/mapping.html",
        refused,
        known=known,
        name=name,
        dates=dates,
        lines=lines,
        fields=[(name, _label(name)) for name in FIELDS],
        all_dates=[(one, pattern.format(EXAMPLE)) for one, pattern in DATES.items()],
        constant=CONSTANT,
    )


def _label(name: str) -> str:
    """Return what a field is called; a number that pages mask goes out in full."""
    if name not in DETAILS:
        return str(_(f"certificates.upload.field.{name}"))
    title = DETAILS[name].title
    return str(_("certificates.upload.in_full", field=title)) if DETAILS[name].sealed else title
