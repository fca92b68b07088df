"""Pages of a whole bank: new, its settings, its 细目表 typed, pasted or brought."""

from __future__ import annotations

from collections.abc import Sequence

import flask
from flask_babel import gettext as _

from cbt.bank import store
from cbt.bank.banks import item_bank
from cbt.bank.banks.points_table import (
    TableRow,
    item_count,
    pasted,
    plain_row,
    table_revision,
    table_rows,
    used_points,
)
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import (
    NOTHING_REFUSED,
    Refusal,
    flash_refusal,
    form_on,
    form_page,
    head_of_page,
    refusal,
    see_other,
    uploaded,
)
from cbt.http.partials import Reply, page_of_form
from cbt.items.finding_texts import note
from cbt.items.taxonomy import IMPORTANCES
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("whole", __name__)

SPARE_ROWS = 3
LONGEST_PASTE = 200_000


@pages.get("/bank/new")
@access.roles(Role.AUTHOR)
def new(refused: Refusal = NOTHING_REFUSED) -> Reply:
    return form_page("bank/banks/new.html", refused, levels=_levels(), sent=refused.sent)


@pages.post("/bank/new")
@access.roles(Role.AUTHOR)
@form_on(new, Conflict, InvalidInput)
def make() -> Reply:
    """Make a bank and go on to its table."""
    form = flask.request.form
    ref = item_bank.make_bank(
        ref=form.get("ref", ""),
        name=form.get("name", ""),
        note=form.get("note", ""),
        levels=form.getlist("levels"),
        now=flask.g.now,
        actor=acting(),
    )
    return see_other(_("bank.desk.made"), ".table", ref=ref)


@pages.get("/bank/<ref>/settings")
@access.roles(Role.AUTHOR)
def settings(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show a bank's name, note and levels, and the way to delete it while it is empty."""
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        items = item_count(session, bank.id)
    return form_page(
        "bank/banks/settings.html",
        refused,
        bank=bank,
        items=items,
        sent=refused.sent,
        levels=_levels(),
        chosen=refused.sent.getlist("levels") if refused.sent else bank.levels.split(","),
    )


@pages.post("/bank/<ref>/settings")
@access.roles(Role.AUTHOR)
@form_on(settings, InvalidInput)
def describe(ref: str) -> Reply:
    """Give a bank another name, note or levels."""
    form = flask.request.form
    item_bank.describe_bank(
        ref=ref,
        name=form.get("name", ""),
        note=form.get("note", ""),
        levels=form.getlist("levels"),
        now=flask.g.now,
        actor=acting(),
    )
    return see_other(_("bank.desk.described"), "bank.bank", ref=ref)


@pages.post("/bank/<ref>/delete")
@access.roles(Role.AUTHOR)
@form_on(head_of_page(".settings"), Conflict)
def delete(ref: str) -> Reply:
    """Delete an empty bank."""
    item_bank.delete_bank(ref=ref, now=flask.g.now, actor=acting())
    return see_other(_("bank.desk.deleted", ref=ref), "bank.banks")


@pages.post("/bank/<ref>/put-away")
@access.roles(Role.AUTHOR)
def put_away(ref: str) -> Reply:
    """Have a bank not be chosen any more."""
    try:
        item_bank.put_bank_away(ref=ref, now=flask.g.now, actor=acting())
        flask.flash(_("bank.desk.put_away_done"), "ok")
    except Conflict as error:
        flash_refusal(error)
    return flask.redirect(page_of_form(flask.request) or flask.url_for("bank.banks"), 303)


@pages.post("/bank/<ref>/put-back")
@access.roles(Role.AUTHOR)
def put_back(ref: str) -> Reply:
    """Have a bank be chosen again."""
    item_bank.put_bank_back(ref=ref, now=flask.g.now, actor=acting())
    flask.flash(_("bank.desk.put_back_done"), "ok")
    return flask.redirect(page_of_form(flask.request) or flask.url_for("bank.banks"), 303)


@pages.get("/bank/<ref>/table")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def table(ref: str) -> Reply:
    return _table_page(ref, None, NOTHING_REFUSED)


@pages.post("/bank/<ref>/table")
@access.roles(Role.AUTHOR)
def save(ref: str) -> Reply:
    """Keep the table as it was written, or show everything that is wrong with it."""
    rows = _sent_rows()
    try:
        taxonomy, count = item_bank.save_table(
            ref=ref,
            rows=rows,
            revision=flask.request.form.get("revision", ""),
            now=flask.g.now,
            actor=acting(),
        )
    except (Conflict, InvalidInput) as error:
        return _table_page(ref, rows, refusal(error))
    return see_other(
        _("bank.desk.table_kept", ranges=len(taxonomy.ranges), points=len(taxonomy.points), count=count),
        "bank.bank",
        ref=ref,
    )


@pages.post("/bank/<ref>/table/read")
@access.roles(Role.AUTHOR)
def read(ref: str) -> Reply:
    """Put what was pasted or brought into the table's rows; nothing is kept before it is saved there."""
    text = flask.request.form.get("pasted", "")
    try:
        if text.strip():
            if len(text) > LONGEST_PASTE:
                raise InvalidInput("bank.table_large", field="pasted")
            rows = pasted(text)
        else:
            name, content = uploaded("file", "bank.table_nothing")
            rows = item_bank.brought(content, name)
    except InvalidInput as error:
        return _table_page(ref, None, refusal(error))
    return _table_page(ref, rows, NOTHING_REFUSED, brought=True)


def _table_page(
    ref: str, rows: Sequence[TableRow] | None, refused: Refusal, *, brought: bool = False
) -> Reply:
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        kept = table_rows(store.taxonomy_of(session, bank))
        used = used_points(session, bank.id)
        revision = table_revision(session, bank)
        if brought and rows is not None:
            codes = {row.code for row in kept}
            rows = [_as_known(row, codes) for row in rows]
        findings = item_bank.checked(session, bank, rows)[1] if rows is not None else []
    shown = kept if rows is None else rows
    notes: dict[int, list[object]] = {}
    for finding in findings:
        notes.setdefault(finding.place.line, []).append(note(finding))
    sent = flask.request.form.get("revision", "")
    return form_page(
        "bank/banks/table.html",
        refused,
        bank=bank,
        rows=[*shown, *[TableRow("", "")] * SPARE_ROWS],
        written=len(shown),
        notes=notes,
        wrong=len(findings),
        used=used,
        revision=revision if brought or rows is None else sent,
        brought=brought,
        importances=IMPORTANCES,
    )


def _as_known(row: TableRow, known_codes: set[str]) -> TableRow:
    return TableRow(
        row.code, row.name, row.weight, row.importance, row.code if row.code in known_codes else ""
    )


def _sent_rows() -> list[TableRow]:
    form = flask.request.form
    columns = [form.getlist(name) for name in ("code", "name", "weight", "importance", "was")]
    if len({len(column) for column in columns}) > 1:
        raise InvalidInput("web.bad_request")
    rows = (plain_row(TableRow(*cells)) for cells in zip(*columns, strict=True))
    return [row for row in rows if not row.blank]


def _levels() -> list[tuple[str, str]]:
    return [(level, _(f"bank.level.{level}")) for level in item_bank.LEVELS]
