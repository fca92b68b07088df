"""The long poll of an answer page: asked under the lease as a save is, and answered when something happened.

GET /attempts/<ref>/news?since=…: nearly every such request hears nothing and waits. For those the lease is checked
and nothing else is asked: whether something happened since, the parking knows.

Source: R-13, R-20, R-25, R-42.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import flask

from cbt.http.auth import access
from cbt.http.auth.machine import addresses_of, is_elsewhere
from cbt.http.partials import Reply
from cbt.http.request_log import BEAT
from cbt.http.server.deferred import AGAIN, MAY_WAIT, WAIT, Parking, Wait, may_wait
from cbt.http.server.hot_addresses import HotHandler, HotRequest, OnPage, Result, hot_reply, json_response
from cbt.runner.news.entries import Teller, entries_since, number_asked, number_now, place_of
from cbt.runner.news.watcher import Watcher
from cbt.runner.replies import clock_of, not_the_writer, refused_reply
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.runner.save.journal import Journal
from cbt.storage.engine import Dialect
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading, reading

pages = flask.Blueprint("news", __name__, url_prefix="/attempts")
_SELECT = (
    "SELECT a.lease_hash, a.lease_machine, r.ref FROM attempt a "
    "JOIN sitting_room r ON r.id = a.sitting_room_id WHERE a.id = ?"
)


class NewsHandler(HotHandler[None]):
    """Says what happened to a paper after the number `since`, with the clock; waits for it where nothing did.

    A page that names no number gets the clock at once, and the number to go on from. One that hears nothing gets
    that after some 25 s where its request could wait, else at once: then it asks again in its own time.
    """

    def __init__(self, app: flask.Flask) -> None:
        self._journal = cast(Journal, app.extensions["cbt_journal"])
        self._parking = cast(Parking, app.extensions["cbt_parking"])
        self._watcher = cast(Watcher, app.extensions["cbt_news"])
        self._addresses = addresses_of(app)
        with app.app_context():
            self._engine = db.engine
        self._select = Dialect(self._engine.dialect.name).sql(_SELECT)

    def read(self, request: HotRequest) -> Result:
        """Let the page wait, or have it told."""
        info = self._journal.infos.get(request.ref)
        environ, asked = request.environ, number_asked(request.argument("since"))
        lease_hash = self._journal.spent_lease(environ, request.now)
        if MAY_WAIT in environ and AGAIN not in environ and asked is not None and self._knows(asked):
            with raw_reading(self._engine) as cursor:
                cursor.execute(self._select, (info.attempt_id,))
                lease, machine, room = cursor.fetchone()
            if lease == lease_hash and not is_elsewhere(machine, request.machine):
                self._addresses.note(info.registration_ref, environ.get("REMOTE_ADDR"))
                paper = f"attempt:{request.ref}"
                topics = frozenset({paper, f"registration:{info.registration_ref}", f"sitting_room:{room}"})
                environ[WAIT], environ[BEAT] = Wait(paper, topics, asked), True
                return json_response(f'{{"news":[],"number":{asked}}}\n')
        return OnPage(partial(_told, self._journal, info, lease_hash, asked))

    def _knows(self, number: int) -> bool:
        """Return whether what changed since is remembered; a process that has just begun looks back."""
        if not self._parking.knows(number):
            self._watcher.keep_up()
        return self._parking.knows(number)


def _told(journal: Journal, info: AttemptInfo, lease_hash: str, asked: int | None) -> Reply:
    with reading() as session:
        number = number_now(session)
        guard = journal.peek_within(session, info.attempt_id)
        refused = not_the_writer(guard, lease_hash)
        if refused is None and asked is not None and asked <= number:
            place = place_of(session, info.attempt_id)
            topics = (place.paper_topic, f"registration:{info.registration_ref}", place.topic)
            entries = [] if place.settling else entries_since(session, topics, since=asked, upto=number)
            if not entries:
                flask.request.environ[BEAT] = True
                may_wait(place.paper_topic, topics, seen=number)
                return {"number": asked if place.settling else number, "news": []}
            news = Teller(session, place).news(entries)
        else:
            news = []
    if refused is not None:
        return refused_reply(refused, info, guard, flask.g.now)
    return {"number": number, "news": news, "clock": clock_of(info, guard, flask.g.now)}


@pages.get("/<ref>/news")
@access.lease
def since(ref: str) -> Reply:
    """Return what happened to this paper, or wait for it."""
    return hot_reply(ref)
