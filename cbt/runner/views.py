"""Pages around an attempt: the waiting room's signal, the answer page, its end, the forms drawn and their items."""

from __future__ import annotations

import flask
from flask_wtf.csrf import generate_csrf

from cbt.bank.store import bank_by_ref
from cbt.errors import Conflict
from cbt.http.app_context import path_of
from cbt.http.auth import access
from cbt.http.auth.cookies import read_cookie
from cbt.http.auth.login import machine_id, signed_in
from cbt.http.forms import flash_refusal, sent_json
from cbt.http.i18n import chosen_theme, local_zone
from cbt.http.partials import Reply
from cbt.http.server.hot_addresses import hot_reply
from cbt.http.static import joined_name
from cbt.jobs.answers import act_reply
from cbt.rules.roles import Role
from cbt.runner.jobs import DRAW
from cbt.runner.paper.draw import drawn_count_of
from cbt.runner.paper.handler import current_pages
from cbt.runner.paper.page import FOLDER
from cbt.runner.recovery_file import leftovers, read_leftovers
from cbt.runner.replies import page_locale
from cbt.runner.store import uses_of
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("delivery", __name__)

WORKER = "runner/waiting/worker.js"
ENTRY, SHEET = "runner/main.js", "runner/page.css"
"""The script and the style sheet of the answer page, which go out joined with all that they import."""


def init_worker(app: flask.Flask) -> None:
    """Let the worker stand before the pages of an exam: it lies with the scripts."""
    home = path_of(app, "door.wait").rpartition("/")[0]
    app.extensions["cbt_assets"].scopes[WORKER] = f"{home}/"


@pages.get("/exam/wait/state")
@access.candidate
def wait_state() -> Reply:
    """Say whether the waiting room may let this candidate through (runner/waiting/handler.py)."""
    return hot_reply()


@pages.get("/exam/<ref>")
@access.candidate
def runner(ref: str) -> Reply:
    """The answer page (runner/paper/handler.py)."""
    return hot_reply(ref)


@pages.get("/exam/wait/paper")
@access.candidate
def ahead() -> Reply:
    """What the waiting page fetches before the start, so that at the start nothing but the start travels.

    The shell of the page, which a browser keeps, and the person, whom the waiting page hands over. Where a kiosk
    browser is asked for there is no shell: the page itself has to see which browser opens it. For a page that is
    loaded while the server is away there is one all the same (`away`, and what gives it): it opens no paper.
    """
    pages_of = current_pages()
    examinee = pages_of.find(signed_in().subject_ref)
    if examinee is None or examinee.belongs_at() not in ("door.wait", None):
        return {"shell": None}
    assets = flask.current_app.extensions["cbt_assets"]
    kind = pages_of.kind(examinee, locale=page_locale(), theme=chosen_theme(read_cookie("theme")))
    shell = assets.url(f"{FOLDER}/{kind.name}")
    kept = {
        "away": shell,
        "files": [assets.url(SHEET), assets.url(joined_name(ENTRY))],
        "worker": assets.url(WORKER),
    }
    if examinee.by_kiosk or examinee.belongs_at() is None:
        return {"shell": None, **kept}
    return {
        "shell": shell,
        **kept,
        "page": flask.url_for("delivery.runner", ref=examinee.attempt_ref),
        "csrf": generate_csrf(),
        "attempt": pages_of.told(examinee),
    }


@pages.get("/exam/<ref>/done")
@access.candidate
def done(ref: str) -> Reply:
    """What a candidate sees after the paper (runner/paper/handler.py)."""
    return hot_reply(ref)


@pages.post("/exam/held")
@access.public
def held() -> Reply:
    """Tell a seat page which of the answers of one attempt left on its machine the server has (R-16)."""
    attempt_ref, keys = read_leftovers(sent_json())
    kept = leftovers(attempt_ref, keys, machine=machine_id())
    return {"held": kept.held, "over": kept.over}


@pages.post("/office/sittings/<sitting_ref>/draw")
@access.roles(Role.OFFICER)
def draw_forms(sitting_ref: str) -> Reply:
    """组卷: draw and freeze one form for every registration of a sitting that has none."""
    page = flask.url_for("candidates.sitting", ref=sitting_ref)
    try:
        return act_reply(
            DRAW, subject=f"sitting:{sitting_ref}", page=page, has_card=True, sitting=sitting_ref
        )
    except Conflict as error:
        flash_refusal(error)
    return flask.redirect(page, 303)


@pages.get("/office/sittings/<sitting_ref>/drawn")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
def drawn_count(sitting_ref: str) -> Reply:
    with reading() as session:
        drawn, needed = drawn_count_of(session, sitting_ref)
    return flask.render_template("runner/_drawn.html", drawn=drawn, needed=needed)


uses_pages = flask.Blueprint("uses", __name__)


@uses_pages.get("/bank/<ref>/items/<item_ref>/forms")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def page(ref: str, item_ref: str) -> Reply:
    with reading() as session:
        bank = bank_by_ref(session, ref)
        uses = uses_of(session, bank, item_ref, zone=local_zone())
    return flask.render_template("runner/item_uses.html", bank=bank, item_ref=item_ref, uses=uses)
