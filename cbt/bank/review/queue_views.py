"""The page of who reviews: one item after the other, with what changed in it and what was said of it."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import store
from cbt.bank.catalogue import item_sheet
from cbt.bank.review.fields import changes, shown_fields, told
from cbt.bank.review.history import desk_of, two_versions
from cbt.bank.review.queue import Scope, WaitingLine, banks_waiting, counts, scope_of, waiting_from
from cbt.bank.service import key_view
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.partials import Reply
from cbt.items.finding_texts import field_label
from cbt.items.preview import key_lines, preview_paper
from cbt.rules.roles import Role
from cbt.rules.states.item import ItemState
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("queue", __name__)


@pages.get("/bank/review")
@access.roles(Role.REVIEWER)
def queue() -> Reply:
    """Show the items that wait, and the one that is asked for, or the first."""
    args, me = flask.request.args, acting()
    bank_ref = args.get("bank", "")[:60]
    asked = (args.get("of", "")[:60], args.get("item", "")[:60])
    with reading() as session:
        found = counts(session, me, bank_ref)
        scope = scope_of(args.get("scope", ""), found)
        lines = waiting_from(session, me, scope, bank_ref, after=None)
        here = asked if all(asked) else next(((one.bank_ref, one.ref) for one in lines), ("", ""))
        following = waiting_from(session, me, scope, bank_ref, after=here, limit=1)
        shown: dict[str, object] = {}
        if all(here):
            bank = store.bank_by_ref(session, here[0])
            sheet = item_sheet(session, bank.id, here[1])
            desk = desk_of(session, sheet.item)
            names = actor_names(session, {one.actor for one in sheet.versions})
            new = desk.drawn != desk.number
            pair = two_versions(session, sheet.item, desk.drawn, desk.number) if desk.drawn and new else None
            shown = {"bank": bank, "sheet": sheet, "desk": desk, "names": names, "item_ref": here[1]}
            shown["changed"] = [told(one) for one in changes(pair.before, pair.after)] if pair else []
        banks = banks_waiting(session, me)
        authors = actor_names(session, {one.author for one in lines})

    def at(line: WaitingLine | None) -> str:
        of, item = (line.bank_ref, line.ref) if line else (None, None)
        return flask.url_for(".queue", scope=scope.value, bank=bank_ref or None, of=of, item=item)

    if all(here):
        key_view(act="item.view_key", subject=f"item:{here[1]}", actor=me, now=flask.g.now)
        shown["paper"] = preview_paper(sheet.content, seed=here[1])
        shown["keys"] = key_lines(sheet.content)
        shown["fields"] = {"": "", **shown_fields(sheet.text)}
        shown["waits"] = desk.state is ItemState.IN_REVIEW
    return flask.render_template(
        "bank/review/queue/queue.html",
        **shown,
        lines=[(line, at(line)) for line in lines],
        here=here,
        here_url=flask.url_for(
            ".queue", scope=scope.value, bank=bank_ref or None, of=here[0] or None, item=here[1] or None
        ),
        next_url=at(following[0] if following else None),
        last=not following,
        scopes=[
            (
                flask.url_for(".queue", scope=one.value, bank=bank_ref or None),
                f"{_(f'bank.queue.scope.{one.value}')} {found[one]}",
                one is scope,
            )
            for one in Scope
        ],
        scope=scope,
        banks=[(ref, f"{name}（{count}）") for ref, name, count in banks],
        bank_ref=bank_ref,
        authors=authors,
        actor=me,
        field_label=field_label,
    )
