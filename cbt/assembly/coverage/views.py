"""The author's pages between bank and papers: what is short, and papers drawn on the spot."""

from __future__ import annotations

import flask

from cbt.assembly.coverage.gathering import chosen, coverage_of, paper_choices
from cbt.bank.store import bank_by_ref
from cbt.db.unit_of_work import reading
from cbt.rules.roles import Role
from cbt.web.partials import Reply
from cbt.web.texts import whole_number
from cbt.web.who import access

pages = flask.Blueprint("coverage", __name__)

MOST_PAPERS = 50


@pages.get("/bank/<ref>/coverage")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def page(ref: str) -> Reply:
    """Show what a bank has for a paper beside what a draw needs, what is short first."""
    args = flask.request.args
    target = whole_number(args.get("papers", ""), most=MOST_PAPERS) or 1
    with reading() as session:
        bank = bank_by_ref(session, ref)
        choices = paper_choices(session, ref)
        choice = chosen(choices, args.get("paper", ""))
        found = coverage_of(session, bank, choice.paper, target=target) if choice else None
    return flask.render_template(
        "assembly/coverage/coverage.html",
        bank=bank,
        choices=choices,
        choice=choice,
        cover=found,
        target=target,
    )
