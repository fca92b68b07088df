"""The page of a batch, and what officers read of batches on their home page."""

from __future__ import annotations

from collections.abc import Mapping

import flask
from flask_babel import gettext

from cbt.batches.checklist import BATCHES, SITTINGS, batch_page, draw_for_batch, unfinished
from cbt.http.auth import access
from cbt.http.auth.login import Principal, acting
from cbt.http.form_values import page_of
from cbt.http.forms import refusal
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("checklist", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/batches/<ref>")
@access.roles(*READERS)
def batch(ref: str) -> Reply:
    """Show how far a batch is, what is next, and its sittings."""
    number = page_of(flask.request.args)
    with reading() as session:
        page = batch_page(session, ref, page=number, now=flask.g.now)
        return flask.render_template(
            "batches/checklist/batch.html", page=page, number=number, pages=-(-page.total // SITTINGS)
        )


@pages.post("/office/batches/<ref>/draw")
@access.roles(Role.OFFICER)
def draw(ref: str) -> Reply:
    """组卷: draw and freeze the forms that are missing in the sittings of a batch."""
    drawn = draw_for_batch(batch_ref=ref, now=flask.g.now, actor=acting())
    if drawn.forms:
        flask.flash(gettext("batches.draw.done", forms=drawn.forms), "ok")
    if drawn.stopped is not None:
        refused = refusal(drawn.stopped)
        said = gettext("batches.draw.stopped", sitting=drawn.sitting, what=refused.what, fix=refused.fix)
        flask.flash(said, "stop")
    elif drawn.left:
        flask.flash(gettext("batches.draw.more", sittings=drawn.left), "warn")
    elif not drawn.forms:
        flask.flash(gettext("batches.draw.nothing"))
    return flask.redirect(flask.url_for("batches.checklist.batch", ref=ref), 303)


def batches_on_home(principal: Principal) -> tuple[str, Mapping[str, object]] | None:
    """Return the part of the home page about batches, with what it needs; None for who does not run them."""
    if Role.OFFICER not in principal.roles:
        return None
    number = page_of(flask.request.args)
    with reading() as session:
        lines, total = unfinished(session, page=number, now=flask.g.now)
    needs = {"lines": lines, "number": number, "pages": -(-total // BATCHES), "total": total}
    return "batches/checklist/_home.html", needs
