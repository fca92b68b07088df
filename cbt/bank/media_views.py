"""Media on their way: an author's picture or sound comes in, and goes to whoever is signed in and has its name."""

from __future__ import annotations

import flask

from cbt.bank import service
from cbt.errors import NotFound
from cbt.http.auth import access, login
from cbt.http.auth.login import acting
from cbt.http.downloads import unchanging
from cbt.http.forms import uploaded
from cbt.http.partials import Reply
from cbt.items import media_store
from cbt.items.media import NAME, SCHEME, address, is_sound
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("media", __name__)


@pages.get("/item-media/<name>", endpoint="send")
@access.signed_in
@login.unattended
def send(name: str) -> Reply:
    """Send a picture or a sound; what a name means never changes, so a browser asks once."""
    if not NAME.fullmatch(name):
        raise NotFound("media.unknown")
    with reading() as session:
        mimetype, body = media_store.sent(session, name)
    return unchanging(mimetype, body)


@pages.post("/bank/<ref>/media")
@access.roles(Role.AUTHOR)
def bring(ref: str) -> Reply:
    """Take in a picture or a sound, and answer what texts call it."""
    _name, body = uploaded("file", "media.no_file")
    found = service.bring(body, bank_ref=ref, now=flask.g.now, actor=acting())
    return flask.jsonify(
        reference=f"{SCHEME}{found.name}",
        address=address(found.name),
        sound=is_sound(found.name),
        size=[found.width, found.height],
        seconds=found.seconds,
    )
