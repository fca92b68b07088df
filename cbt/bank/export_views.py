"""The page of a bank's export: choose a form, see what it cannot hold, take the file."""

from __future__ import annotations

import tempfile

import flask
from flask_babel import gettext as _

from cbt.bank import exports, store
from cbt.bank.exports import field_name, left_line
from cbt.errors import Conflict
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attached_file
from cbt.http.partials import Reply
from cbt.interchange import registry
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("exports", __name__)

MOST = 5_000
"""So many items go out while somebody waits for the page; more are for the command."""
IN_MEMORY = 32 * 1024 * 1024
USUAL = "common"


@pages.get("/bank/<ref>/export")
@access.roles(Role.AUTHOR)
def choose(ref: str) -> Reply:
    """Show the forms, and what the chosen one cannot hold of this bank."""
    form, drawn = _asked(flask.request.args)
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
    found = exports.outlook(bank_ref=ref, form=form, drawn=drawn)
    return flask.render_template(
        "bank/exports/export.html",
        bank=bank,
        form=form,
        drawn=drawn,
        forms=[(name, _(f"bank.export.form.{name}")) for name in registry.out_forms()],
        found=found,
        fields=[(field_name(name), count) for name, count in found.fields.items()],
        lines=[left_line(one) for one in found.shown],
        most=MOST,
    )


@pages.post("/bank/<ref>/export", endpoint="send")
@access.roles(Role.AUTHOR)
def send(ref: str) -> Reply:
    """Send the bank in the chosen form; raise Conflict("bank.export_long") for one that takes too long."""
    form, drawn = _asked(flask.request.form)
    chosen = registry.out_form(form)
    if exports.size_of(bank_ref=ref, drawn=drawn) > MOST:
        raise Conflict("bank.export_long", ref=ref, form=form, most=MOST)
    target = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the answer closes it
    try:
        exports.export_bank(target, bank_ref=ref, form=form, now=flask.g.now, actor=acting(), drawn=drawn)
    except BaseException:
        target.close()
        raise
    return attached_file(target, chosen.mime, f"{ref}-{form}{chosen.ending}")


def _asked(values: dict[str, str]) -> tuple[str, bool]:
    form = values.get("form", USUAL)
    return (form if form in registry.out_forms() else USUAL), values.get("drawn") == "1"
