"""Pages of the imports of a bank: bring files, follow their check, confirm, see what was stored, take it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import catalogue, store
from cbt.bank.imports import bank_import, file_map
from cbt.bank.imports import checks as sheets
from cbt.bank.imports.bank_import import BANKS, subject_of
from cbt.bank.imports.checks import CheckStanding, Looked
from cbt.bank.imports.plan import LISTS, Mode
from cbt.bank.jobs import MARKED_FILE, UNDO_IMPORT
from cbt.bank.service import key_view
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, refusal, uploaded_files
from cbt.http.partials import Reply, wants_partial
from cbt.imports.views import ImportPages
from cbt.interchange import registry
from cbt.interchange.mapping import definition
from cbt.interchange.mapping.definition import FileMapping
from cbt.items.finding_texts import (
    field_label,
    format_name,
    inferred_choice,
    inferred_value,
    note,
    place_said,
)
from cbt.items.media import in_words
from cbt.items.models import ImportRun
from cbt.jobs.answers import act_reply, file_reply
from cbt.rules.roles import Role
from cbt.rules.states import ItemState
from cbt.spreadsheets.file_checks import CheckState, whole
from cbt.spreadsheets.findings import Severity
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading

check_pages = flask.Blueprint("checks", __name__)


@check_pages.post("/bank/<ref>/import/<draft_ref>/again")
@access.roles(Role.AUTHOR)
def again(ref: str, draft_ref: str) -> Reply:
    """Read the file anew with what its author says of it."""
    bank_import.read_again(
        bank_ref=ref,
        draft_ref=draft_ref,
        adjust=_prefixed("adjust."),
        points=_prefixed("point."),
        afresh="afresh" in flask.request.form,
        now=flask.g.now,
        actor=acting(),
    )
    return FILES.back(ref, draft_ref)


@check_pages.get("/bank/<ref>/import/<draft_ref>/marked/<int:file>.xlsx")
@access.roles(Role.AUTHOR)
def marked(ref: str, draft_ref: str, file: int) -> Reply:
    return file_reply(MARKED_FILE, subject=f"item_bank:{ref}", bank=ref, draft=draft_ref, file=file)


def _standing(ref: str, draft_ref: str) -> CheckStanding:
    with reading() as session:
        return sheets.standing_of(session, bank_ref=ref, ref=draft_ref, actor=acting())


def _dry_run(ref: str, draft_ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        if BANKS.summary_of(session, BANKS.own(session, ref, draft_ref, actor=acting())).raw:
            return _map(ref, draft_ref, refused)
        sheet = sheets.sheet_of(session, bank_ref=ref, ref=draft_ref, actor=acting(), looked=_looked())
    key_view(act="bank.view_keys", subject=subject_of(ref), actor=acting(), now=flask.g.now)
    looked = sheet.looked
    lists = {"list": looked.entries, "entries": looked.entries_page}
    url = FILES.looking(ref, draft_ref, kind=sheet.kind, page=looked.page, **lists)
    page = flask.render_template(
        "bank/imports/checks/check.html",
        sheet=sheet,
        summary=sheet.summary,
        **FILES.frame(sheet.standing, refused),
        notes=[note(whole(found)) for found in sheet.findings],
        kinds=[(kind, note(whole(kind.first))) for kind in sheet.summary.kinds],
        lists=[(name, sheet.summary.lists[name].count) for name in LISTS],
        modes=[(mode.value, bank_import.wanted(sheet.summary, mode, near=True)) for mode in Mode],
        arrivals=[state.value for state in bank_import.ARRIVALS],
        field_label=field_label,
        inferred_choice=inferred_choice,
        inferred_value=inferred_value,
        format_name=format_name,
        where=lambda place: place_said(place, alone=len(sheet.summary.files) == 1),
        url=url,
        in_words=in_words,
        sheet_page=lambda number: url(page=number) + "#findings-head",
        entries_page=lambda number: url(entries=number) + "#entries-head",
        errors=sheet.summary.of(Severity.ERROR),
        hints=sheet.summary.of(Severity.HINT),
        fixed=sheet.summary.of(Severity.FIXED),
    )
    return page, refused.code


@check_pages.post("/bank/<ref>/import/<draft_ref>/open")
@access.roles(Role.AUTHOR)
def open_file(ref: str, draft_ref: str) -> Reply:
    """Have a file be shown as it is, for a mapping by hand."""
    _read_as(ref, draft_ref, {}, opening=True)
    return FILES.back(ref, draft_ref)


@check_pages.post("/bank/<ref>/import/<draft_ref>/mapping")
@access.roles(Role.AUTHOR)
def map_file(ref: str, draft_ref: str) -> Reply:
    """Show what a mapping makes of a file, or have the whole of it be read so."""
    with reading() as session:
        check = BANKS.idle(session, ref, draft_ref, actor=acting())
        summary = BANKS.summary_of(session, check) if check.state == CheckState.READY else None
        if summary is None or not summary.raw:
            return FILES.back(ref, draft_ref)
        said, view, page = sheets.said(session, check, summary, flask.request.form)
        named = file_map.with_headers(session, check, summary, said)
    if flask.request.form.get("do") == "read":
        try:
            definition.check(said)
        except InvalidInput as error:
            return _map(ref, draft_ref, refusal(error), said, view=view, page=page)
        _read_as(ref, draft_ref, {definition.MAPPING: definition.written(named)})
        return FILES.back(ref, draft_ref)
    return _map(ref, draft_ref, NOTHING_REFUSED, said, view=view, page=page)


def _read_as(ref: str, draft_ref: str, adjust: dict[str, str], *, opening: bool = False) -> None:
    try:
        bank_import.read_again(
            bank_ref=ref,
            draft_ref=draft_ref,
            adjust=adjust,
            points={},
            opening=opening,
            now=flask.g.now,
            actor=acting(),
        )
    except Conflict as error:
        flash_refusal(error)


def _map(
    ref: str,
    draft_ref: str,
    refused: Refusal,
    said: FileMapping | None = None,
    *,
    view: int = -1,
    page: int = 1,
) -> Reply:
    """Draw the page of an open file under a mapping, or the parts of it that changed."""
    key_view(act="bank.view_keys", subject=subject_of(ref), actor=acting(), now=flask.g.now)
    with reading() as session:
        check = BANKS.own(session, ref, draft_ref, actor=acting())
        summary = BANKS.summary_of(session, check)
        said = said or definition.mapping_in(summary.adjusted)
        sheet = file_map.sheet(session, check, summary, said, place=view, page=page)
    standing = _standing(ref, draft_ref)
    context = sheets.context(sheet, is_refused=bool(refused.what))
    if wants_partial():
        return _parts_changed({"standing": standing, **context})
    drawn = flask.render_template(
        "bank/imports/file_map/file_map.html",
        **FILES.frame(standing, refused, lead=_("bank.mapping.lead")),
        **context,
    )
    return drawn, refused.code


def _parts_changed(context: Mapping[str, Any]) -> str:
    """Return the parts of an open page that what was said changes: what is being typed in the others stays."""
    sent, drawn_as = flask.request.form, {"settings": "drawn_settings", "raw": "drawn"}
    changed = [part for part, name in drawn_as.items() if sent.get(name, "") != context[name]]
    return "".join(
        flask.render_template(f"bank/imports/file_map/_{part}.html", oob=part != "look", **context)
        for part in ("look", *changed)
    )


def _looked() -> Looked:
    args = flask.request.args
    return Looked(
        kind=args.get("kind", ""),
        page=max(args.get("page", 1, int), 1),
        entries=args.get("list", ""),
        entries_page=max(args.get("entries", 1, int), 1),
    )


def _prefixed(head: str) -> dict[str, str]:
    """Return what a form says under names that begin so; what is left as it was is not said."""
    sent = flask.request.form
    return {
        name.removeprefix(head): value.strip()
        for name, value in sent.items()
        if name.startswith(head) and value.strip() and value != sent.get(f"was.{name}")
    }


def _mode(name: str) -> Mode:
    return next((mode for mode in Mode if mode.value == name), Mode.UPDATE)


def _arrival(name: str) -> ItemState:
    return next((state for state in ItemState if state.value == name), ItemState.IN_REVIEW)


def _confirm(ref: str, draft_ref: str) -> None:
    """Have what was looked at be stored."""
    sent = flask.request.form
    bank_import.confirm(
        bank_ref=ref,
        draft_ref=draft_ref,
        mode=_mode(sent.get("mode", "")),
        state=_arrival(sent.get("state", "")),
        partial=sent.get("rows") == "good",
        near="near" in sent or "near_asked" not in sent,
        understood="understood" in sent,
        now=flask.g.now,
        actor=acting(),
    )


def _stored(standing: CheckStanding) -> Reply:
    with reading() as session:
        run = session.get_one(ImportRun, standing.run_id) if standing.run_id else None
    if run is not None:
        flask.flash(_("bank.import.done", added=run.added, changed=run.changed, skipped=run.skipped), "ok")
    return flask.redirect(flask.url_for("bank.imports.upload", ref=standing.bank_ref), 303)


def _forget(ref: str, draft_ref: str) -> Reply:
    bank_import.cancel(bank_ref=ref, draft_ref=draft_ref, now=flask.g.now, actor=acting())
    flask.flash(_("bank.import.cancelled"), "message")
    return flask.redirect(flask.url_for("bank.imports.upload", ref=ref), 303)


def _crumbs(standing: CheckStanding) -> list[tuple[str, str]]:
    ref = standing.bank_ref
    return [
        (flask.url_for("bank.banks"), _("bank.page.banks")),
        (flask.url_for("bank.bank", ref=ref), standing.bank_name),
        (flask.url_for("bank.imports.upload", ref=ref), _("bank.page.import")),
    ]


FILES = ImportPages(
    kind=BANKS,
    blueprint=check_pages,
    url_prefix="/bank/<ref>/import/<draft_ref>",
    dropping="cancel",
    roles=(Role.AUTHOR,),
    texts="bank.progress",
    steps=("bank.step.file", "bank.step.check", "bank.step.store"),
    other_file="bank.check.other_file",
    drop="bank.check.cancel",
    again=frozenset({"bank.check_died", "bank.check_broken"}),
    standing=_standing,
    dry_run=_dry_run,
    confirm=_confirm,
    stored=_stored,
    forget=_forget,
    crumbs=_crumbs,
)
FILES.register()


pages = flask.Blueprint("imports", __name__)
pages.register_blueprint(check_pages)

READERS = (Role.AUTHOR, Role.REVIEWER)


@pages.get("/bank/template.xlsx")
@access.roles(*READERS)
def template() -> Reply:
    return _workbook(registry.template_for("template.xlsx"), _("bank.template.file"))


@pages.get("/bank/<ref>/import")
@access.roles(*READERS)
def upload(ref: str) -> Reply:
    return _upload_page(ref, NOTHING_REFUSED)


@pages.post("/bank/<ref>/import")
@access.roles(Role.AUTHOR)
def keep(ref: str) -> Reply:
    """Keep what was brought for its check and go there."""
    try:
        draft_ref = bank_import.keep(
            bank_ref=ref,
            files=uploaded_files("file", "folder"),
            locale=str(get_locale()),
            now=flask.g.now,
            actor=acting(),
        )
    except (InvalidInput, Conflict) as error:
        return _upload_page(ref, refusal(error))
    return flask.redirect(flask.url_for(".checks.check", ref=ref, draft_ref=draft_ref), 303)


def _upload_page(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        runs = catalogue.import_runs(session, bank.id)
        names = actor_names(session, {run.actor for run in runs})
        waiting = [one for one in BANKS.waiting(session, bank.id) if one.actor == acting()]
        mappings = file_map.kept_shapes(session, bank.id)
    page = flask.render_template(
        "bank/imports/upload.html",
        bank=bank,
        runs=runs,
        waiting=waiting,
        mappings=mappings,
        names=names,
        refused=refused,
        endings=[*registry.file_endings(), ".zip"],
    )
    return page, refused.code


@pages.post("/bank/<ref>/mappings/<shape>")
@access.roles(Role.AUTHOR)
def keep_mapping(ref: str, shape: str) -> Reply:
    """Rename a kept mapping, or forget it."""
    sent = flask.request.form
    try:
        if sent.get("do") == "forget":
            file_map.forget(bank_ref=ref, shape=shape)
            flask.flash(_("bank.mapping.forgotten"), "ok")
        else:
            name = sent.get("name", "")
            file_map.rename(bank_ref=ref, shape=shape, name=name, now=flask.g.now, actor=acting())
            flask.flash(_("bank.mapping.renamed"), "ok")
    except InvalidInput as error:
        flash_refusal(error)
    return flask.redirect(flask.url_for(".upload", ref=ref, _anchor="mappings"), 303)


@pages.post("/bank/<ref>/imports/<run_ref>/undo")
@access.roles(Role.AUTHOR)
def undo(ref: str, run_ref: str) -> Reply:
    page = flask.url_for(".upload", ref=ref)
    return act_reply(UNDO_IMPORT, subject=f"item_bank:{ref}", page=page, bank=ref, run=run_ref)


def _workbook(content: bytes, name: str) -> flask.Response:
    return attachment(content, XLSX, name)
