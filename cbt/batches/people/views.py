"""Pages of one person of a batch: the list, the page, and the forms that add, change, withdraw and bring back."""

from __future__ import annotations

import flask
from flask_babel import gettext

from cbt.batches.people import addition as adding
from cbt.batches.people import change as changing
from cbt.batches.people.addition import candidate_of
from cbt.batches.people.directory import (
    SEARCH_KINDS,
    add_page,
    addition_of,
    change_page,
    correction_of,
    order_of,
    people_asked,
    people_page,
    person_of,
    person_page,
    seat_of,
)
from cbt.candidates.store import photo_of
from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import picture
from cbt.http.form_values import WIDEST, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.partials import Reply, wants_partial
from cbt.rules.door import DOCUMENT_TYPES
from cbt.rules.exam import TOOLS
from cbt.rules.roles import Role
from cbt.sittings.store import batch_by_ref
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("people", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/batches/<ref>/people")
@access.roles(*READERS)
def people(ref: str) -> Reply:
    """Show the people of a batch, fifty at a time."""
    search = people_asked(flask.request.args)
    with reading() as session:
        page = people_page(session, ref, search)
    return flask.render_template("batches/people/people.html", page=page, asked=search, kinds=SEARCH_KINDS)


@pages.get("/office/batches/<ref>/people/new")
@access.roles(Role.OFFICER)
def new(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form that adds somebody, or papers of somebody; the papers of another level as a part of it."""
    sent = refused.sent or flask.request.args
    level = whole_number(sent.get("level", ""), most=WIDEST)
    with reading() as session:
        page = add_page(session, ref, version=level, candidate_ref=sent.get("person", ""))
    part = wants_partial() and not refused.what
    template = "batches/people/_papers.html" if part else "batches/people/add.html"
    return form_page(template, refused, page=page, documents=DOCUMENT_TYPES, tools=TOOLS)


@pages.post("/office/batches/<ref>/people/new")
@access.roles(Role.OFFICER)
@form_on(new)
def add(ref: str) -> Reply:
    """Register somebody for papers of a batch."""
    form = flask.request.form
    addition = addition_of(form, candidate_ref=form.get("person", ""))
    added = adding.add(batch_ref=ref, addition=addition, now=flask.g.now, actor=acting())
    return see_other(
        gettext("batches.people.added", name=added.name, count=len(addition.papers)),
        "batches.people.person",
        ref=ref,
        person=added.candidate_ref,
    )


@pages.get("/office/batches/<ref>/people/<person>")
@access.roles(*READERS)
def person(ref: str, person: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        page = person_page(session, ref, person)
    return form_page("batches/people/person.html", refused, page=page)


@pages.get("/office/registrations/<ref>/person")
@access.roles(*READERS)
def of_registration(ref: str) -> Reply:
    """Lead to the page of the person a registration is of: what speaks against it is mended there."""
    with reading() as session:
        batch, person = person_of(session, ref)
    place = flask.url_for("batches.people.person", ref=batch, person=person, _anchor=f"paper-{ref}")
    return flask.redirect(place, 303)


@pages.get("/office/batches/<ref>/people/<person>/photo")
@access.roles(*READERS)
def photo(ref: str, person: str) -> Reply:
    with reading() as session:
        candidate_photo = photo_of(session, candidate_of(session, batch_by_ref(session, ref), person).id)
    if candidate_photo is None:
        raise NotFound("photo.none")
    return picture(candidate_photo.mimetype, candidate_photo.image)


@pages.get("/office/batches/<ref>/people/<person>/details")
@access.roles(Role.OFFICER)
def edit_details(ref: str, person: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form that puts right who somebody is."""
    with reading() as session:
        page = person_page(session, ref, person)
    return form_page(
        "batches/people/details.html",
        refused,
        page=page,
        documents=DOCUMENT_TYPES,
        seen=changing.person_seen(page.person.candidate),
    )


@pages.post("/office/batches/<ref>/people/<person>/details")
@access.roles(Role.OFFICER)
@form_on(edit_details)
def put_right(ref: str, person: str) -> Reply:
    """Put right who somebody is. Source: R-15."""
    form, sent = flask.request.form, flask.request.files.get("photo")
    image = sent.read() if sent is not None and sent.filename else b""
    with reading() as session:
        candidate = person_page(session, ref, person).person.candidate
    changing.put_right(
        batch_ref=ref,
        candidate_ref=person,
        correction=correction_of(form, candidate, image),
        seen=form.get("seen", ""),
        now=flask.g.now,
        actor=acting(),
    )
    return see_other(gettext("candidates.corrected"), "batches.people.person", ref=ref, person=person)


@pages.get("/office/batches/<ref>/people/papers/<registration>")
@access.roles(Role.OFFICER)
def paper(ref: str, registration: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        page = change_page(session, ref, registration)
    return form_page("batches/people/change.html", refused, page=page, tools=TOOLS)


@pages.post("/office/batches/<ref>/people/papers/<registration>")
@access.roles(Role.OFFICER)
@form_on(paper)
def change(ref: str, registration: str) -> Reply:
    """Change one registration."""
    changing.change(
        batch_ref=ref,
        registration_ref=registration,
        order=order_of(flask.request.form),
        now=flask.g.now,
        actor=acting(),
    )
    with reading() as session:
        holder = change_page(session, ref, registration).person.candidate.ref
    return see_other(gettext("batches.people.changed"), "batches.people.person", ref=ref, person=holder)


@pages.post("/office/batches/<ref>/people/<person>/withdraw")
@access.roles(Role.OFFICER)
@form_on(person)
def withdraw(ref: str, person: str) -> Reply:
    """Take back one paper of somebody, or all of them."""
    form = flask.request.form
    count = changing.withdraw(
        batch_ref=ref,
        candidate_ref=person,
        registration_ref=form.get("registration", ""),
        reason=form.get("reason", ""),
        now=flask.g.now,
        actor=acting(),
    )
    return see_other(
        gettext("batches.people.withdrawn", count=count), "batches.people.person", ref=ref, person=person
    )


@pages.post("/office/batches/<ref>/people/<person>/back")
@access.roles(Role.OFFICER)
@form_on(person)
def bring_back(ref: str, person: str) -> Reply:
    """Register somebody again for a paper that was withdrawn."""
    form = flask.request.form
    changing.bring_back(
        batch_ref=ref,
        withdrawal_ref=form.get("withdrawal", ""),
        room_ref=form.get("room", ""),
        seat=seat_of(form.get("seat", ""), "seat"),
        reason=form.get("reason", ""),
        accepted=form.get("accepted") == "1",
        now=flask.g.now,
        actor=acting(),
    )
    return see_other(gettext("batches.people.back"), "batches.people.person", ref=ref, person=person)
