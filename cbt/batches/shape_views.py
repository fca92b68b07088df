"""Pages that begin and change a batch."""

from __future__ import annotations

from dataclasses import dataclass

import flask
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from cbt.batches import shape, store
from cbt.batches.shape import OccupationChoice, occupations, parse_shape, usual_days
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.sittings.models import Batch
from cbt.sittings.store import batch_by_ref
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("shape", __name__)


@dataclass(frozen=True, slots=True)
class ShapeForm:
    """What the form of a batch holds: names of fields with their values, and what can be chosen."""

    batch: Batch | None
    offered: list[OccupationChoice]
    held: MultiDict[str, str]


@pages.get("/office/batches/new")
@access.roles(Role.OFFICER)
def new(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of a new batch, filled with what is usual."""
    with reading() as session:
        offered = occupations(session)
    form = ShapeForm(None, offered, refused.sent if refused.what else _usual(offered))
    return _page(form, refused)


@pages.post("/office/batches")
@access.roles(Role.OFFICER)
@form_on(new)
def add() -> Reply:
    """Begin a batch and go to it."""
    ref = shape.begin(shape=parse_shape(flask.request.form), now=flask.g.now, actor=acting())
    return flask.redirect(flask.url_for("batches.checklist.batch", ref=ref), 303)


@pages.get("/office/batches/<ref>/edit")
@access.roles(Role.OFFICER)
def edit(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of a batch."""
    with reading() as session:
        batch = batch_by_ref(session, ref)
        counts = store.counts_by_paper(session, batch.id)
        held = store.shape_of(session, batch.id)
        kept = {version for version, _papers in held} | {version for version, _paper in counts}
        offered = occupations(session, kept=kept)
        form = ShapeForm(batch, offered, refused.sent if refused.what else _of(batch, held, offered))
    return _page(form, refused)


@pages.post("/office/batches/<ref>/edit")
@access.roles(Role.OFFICER)
@form_on(edit)
def save(ref: str) -> Reply:
    """Change a batch and go back to it."""
    shape.change(batch_ref=ref, shape=parse_shape(flask.request.form), now=flask.g.now, actor=acting())
    return see_other(gettext("batches.shape.saved"), "batches.checklist.batch", ref=ref)


def _page(form: ShapeForm, refused: Refusal) -> Reply:
    return form_page("batches/shape/shape.html", refused, form=form)


def _usual(offered: list[OccupationChoice]) -> MultiDict[str, str]:
    """Return what the form of a new batch starts from: where there is one occupation, all of its levels."""
    starts_on, ends_on = usual_days(local_day(flask.g.now))
    only = offered[0] if len(offered) == 1 else None
    name = gettext(
        "batches.shape.name.usual", year=starts_on.year, month=starts_on.month, what=only.name if only else ""
    )
    held = MultiDict({"name": " ".join(name.split()), "starts_on": str(starts_on), "ends_on": str(ends_on)})
    for occupation in offered:
        for level in occupation.levels:
            if occupation is only:
                held.add("levels", level.ref)
            for paper in level.blueprint.papers:
                held.add(f"papers.{level.ref}", paper)
    return held


def _of(
    batch: Batch, shape: list[tuple[int, list[str]]], offered: list[OccupationChoice]
) -> MultiDict[str, str]:
    """Return what the form of a batch holds; a level that is not examined stands there with all papers."""
    held = MultiDict(
        {
            "name": batch.name,
            "starts_on": str(batch.starts_on or ""),
            "ends_on": str(batch.ends_on or ""),
        }
    )
    examined = dict(shape)
    for level in (level for occupation in offered for level in occupation.levels):
        mine = [one.id for one in level.versions if one.id in examined]
        if mine:
            held.add("levels", level.ref)
            held.add(f"version.{level.ref}", str(mine[0]))
        for paper in examined[mine[0]] if mine else level.blueprint.papers:
            held.add(f"papers.{level.ref}", paper)
    return held
