"""The author's page of an item's uses."""

from __future__ import annotations

import flask

from cbt.bank.store import bank_by_ref
from cbt.http.auth import access
from cbt.http.i18n import local_zone
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.runner.item_uses import uses_of
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("uses", __name__)


@pages.get("/bank/<ref>/items/<item_ref>/forms")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def page(ref: str, item_ref: str) -> Reply:
    with reading() as session:
        bank = bank_by_ref(session, ref)
        uses = uses_of(session, bank, item_ref, zone=local_zone())
    return flask.render_template("runner/item_uses/uses.html", bank=bank, item_ref=item_ref, uses=uses)
