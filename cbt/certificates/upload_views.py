"""Pages of the upload files: the mappings, what a file would hold, and the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import flask
from flask_babel import gettext as _

from cbt.certificates import uploads as mappings
from cbt.certificates.jobs import UPLOAD
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
    UploadChoice,
    chosen,
    places,
    read_choice,
)
from cbt.errors import CbtError
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_page, refusal, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
from cbt.personal.fields import DETAILS
from cbt.rules.roles import Role
from cbt.sittings.store import batches
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("uploads", __name__)

OFFERED = 100
"""So many batches are offered, the latest first."""
_SPARE = 5
"""So many empty lines a form ends with."""
_CHOICE = tuple(field.name for field in fields(UploadChoice))
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
            upload = chosen(session, read_choice(args))
    except CbtError as error:
        return _page(refusal(error), args, None)
    return _page(NOTHING_REFUSED, args, upload)


@pages.post("/office/certificates/uploads/file")
@access.roles(Role.OFFICER)
def file() -> Reply:
    """Send the file of a choice."""
    form = flask.request.form
    try:
        return file_reply(
            UPLOAD,
            subject=f"upload_mapping:{form.get('mapping', '')}",
            choice={name: form.get(name, "") for name in _CHOICE},
            form=form.get("form", ""),
            blanks=form.get("blanks") == "1",
        )
    except CbtError as error:
        return _page(refusal(error), form, _again(form))


def _again(form: Mapping[str, str]) -> ChosenUpload | None:
    try:
        with reading() as session:
            return chosen(session, read_choice(form))
    except CbtError:
        return None


def _page(refused: Refusal, fields: Mapping[str, str], upload: ChosenUpload | None) -> Reply:
    with reading() as session:
        mapped_files = mappings.all_mappings(session)
        offered = [(batch.ref, batch.name) for batch, _count in batches(session, limit=OFFERED)]
    today = local_day(flask.g.now)
    return form_page(
        "certificates/uploads/uploads.html",
        refused,
        known=mapped_files,
        choices=[(one.ref, one.name) for one in mapped_files],
        offered=offered,
        asked=fields,
        since=fields.get("since") or today.replace(day=1).isoformat(),
        until=fields.get("until") or today.isoformat(),
        found=upload,
        forms=[(one, _(f"certificates.upload.form.{one}")) for one in FORMS],
        standard=STANDARD,
    )


@pages.get("/office/certificates/uploads/new")
@access.roles(Role.OFFICER)
def new() -> Reply:
    with reading() as session:
        source = mappings.mapping_of(session, flask.request.args.get("from", STANDARD))
    return _form(None, "", source.dates, _lines_of(source), NOTHING_REFUSED)


@pages.post("/office/certificates/uploads/new")
@access.roles(Role.OFFICER)
def make() -> Reply:
    return _keep(None)


@pages.get("/office/certificates/uploads/<ref>")
@access.roles(Role.OFFICER)
def mapping(ref: str) -> Reply:
    with reading() as session:
        mapped_file = mappings.mapping_of(session, ref)
    if ref == STANDARD:
        return flask.redirect(flask.url_for("certificates.uploads.new"), 303)
    return _form(mapped_file, mapped_file.name, mapped_file.dates, _lines_of(mapped_file), NOTHING_REFUSED)


@pages.post("/office/certificates/uploads/<ref>")
@access.roles(Role.OFFICER)
def change(ref: str) -> Reply:
    with reading() as session:
        mapped_file = mappings.mapping_of(session, ref)
    return _keep(mapped_file)


@pages.post("/office/certificates/uploads/<ref>/remove")
@access.roles(Role.OFFICER)
def remove(ref: str) -> Reply:
    mappings.remove_mapping(ref, now=flask.g.now, actor=acting())
    return see_other(_("certificates.upload.removed"), "certificates.uploads.uploads")


def _keep(mapped_file: MappedFile | None) -> Reply:
    form = flask.request.form
    most = MOST_COLUMNS + _SPARE
    cells = list(zip(*(form.getlist(name)[:most] for name in _CELLS), strict=False))
    wanted = MappingForm(form.get("name", ""), form.get("dates", ""), cells)
    try:
        mappings.keep_mapping(mapped_file.ref if mapped_file else "", wanted, now=flask.g.now, actor=acting())
    except CbtError as error:
        lines = [dict(zip(_CELLS, one, strict=True)) for one in cells]
        return _form(mapped_file, wanted.name, wanted.dates, lines, refusal(error))
    return see_other(_("certificates.upload.saved"), "certificates.uploads.uploads")


def _lines_of(mapped_file: MappedFile) -> _Lines:
    lines: list[Mapping[str, object]] = []
    for place, column in zip(
        places(len(mapped_file.columns) + _SPARE), [*mapped_file.columns, *[None] * _SPARE], strict=True
    ):
        if column is None:
            lines.append({"place": place, "header": "", "field": "", "text": ""})
        else:
            lines.append(
                {"place": place, "header": column.header, "field": column.field, "text": column.text}
            )
    return lines


def _form(mapped_file: MappedFile | None, name: str, dates: str, lines: _Lines, refused: Refusal) -> Reply:
    return form_page(
        "certificates/uploads/mapping.html",
        refused,
        known=mapped_file,
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
