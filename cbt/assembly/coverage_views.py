"""The author's pages between bank and papers: what is short, and papers drawn on the spot."""

from __future__ import annotations

import random

import flask

from cbt.assembly.coverage import chosen, coverage_of, look_choice, paper_choices, reached_of
from cbt.assembly.draw import Trial, candidate_paper, proof_of, trial
from cbt.bank import service
from cbt.bank.store import bank_by_ref
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import whole_number
from cbt.http.forms import form_page, refusal
from cbt.http.i18n import explain
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("coverage", __name__)

MOST_PAPERS = 50
MOST_SEED = 2**48 - 1
SEEDS = range(1, 1_000_000)
"""What a new draw picks from: short enough to be read out and typed."""


@pages.get("/bank/<ref>/coverage")
@access.roles(Role.AUTHOR, Role.REVIEWER, Role.OFFICER)
def page(ref: str) -> Reply:
    """Show what a bank has for a paper beside what a draw needs, what is short first.

    It counts and shows no item: whoever draws forms is led here where none can be drawn.
    """
    args = flask.request.args
    target = whole_number(args.get("papers", ""), most=MOST_PAPERS) or 1
    wants_reach = args.get("reach", "") == "1"
    with reading() as session:
        bank = bank_by_ref(session, ref)
        choices = paper_choices(session, ref)
        choice = chosen(choices, args.get("paper", ""))
        cover = coverage_of(session, bank, choice, target=target) if choice else None
        reached = (
            reached_of(session, bank, choice.paper, most=cover.papers)
            if wants_reach and choice and cover
            else None
        )
    return flask.render_template(
        "assembly/coverage/coverage.html",
        bank=bank,
        choices=choices,
        choice=choice,
        cover=cover,
        target=target,
        refused=explain(cover.refusal) if cover and cover.refusal else None,
        asked=wants_reach,
        reached=reached,
    )


@pages.get("/bank/<ref>/draw")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def draw(ref: str) -> Reply:
    """Show the paper that a seed draws as candidates see it; nothing is stored and no key is shown."""
    tried = _try(ref)
    if not isinstance(tried, Trial):
        return tried
    if tried.drawn is None:
        return _undrawn(tried)
    return flask.render_template(
        "assembly/coverage/draw.html", trial=tried, drawn=tried.drawn, paper=candidate_paper(tried.drawn)
    )


@pages.get("/bank/<ref>/proof")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def proof(ref: str) -> Reply:
    """Show the paper that a seed draws as it is printed, its key after it; that is a view of keys, on record."""
    with_key = flask.request.args.get("key", "") != "0"
    tried = _try(ref)
    if not isinstance(tried, Trial):
        return tried
    if tried.drawn is None:
        return _undrawn(tried)
    if with_key:
        service.key_view(act="bank.view_keys", subject=f"item_bank:{ref}", actor=acting(), now=flask.g.now)
    return flask.render_template(
        "assembly/coverage/proof.html",
        trial=tried,
        drawn=tried.drawn,
        groups=proof_of(tried.drawn),
        with_key=with_key,
    )


def _try(ref: str) -> Trial | Reply:
    """Draw by the address's seed, without one go on to one of chance; without a blueprint's paper, any items."""
    args = flask.request.args
    seed = whole_number(args.get("seed", ""), most=MOST_SEED)
    with reading() as session:
        bank = bank_by_ref(session, ref)
        choices = [*paper_choices(session, ref), look_choice()]
        choice = chosen(choices, args.get("paper", ""))
        assert choice is not None
        if seed is not None:
            return trial(session, bank, choices, choice, seed=seed)
    endpoint, new = str(flask.request.endpoint), random.SystemRandom().choice(SEEDS)
    return flask.redirect(flask.url_for(endpoint, ref=ref, paper=choice.value, seed=new), 303)


def _undrawn(tried: Trial) -> Reply:
    """Say which constraint no draw can keep, and what is short."""
    assert tried.error is not None
    refused = refusal(tried.error)
    return form_page("assembly/coverage/undrawn.html", refused, trial=tried)
