"""The long poll of an answer page: asked under the lease as a save is, and answered when something happened."""

from __future__ import annotations

import flask

from cbt.http.auth import access
from cbt.http.partials import Reply
from cbt.http.request_log import BEAT
from cbt.http.server.deferred import may_wait
from cbt.runner.news.entries import Teller, entries_since, number_asked, number_now, place_of
from cbt.runner.replies import asking_lease, clock_of, not_the_writer, refused_reply
from cbt.runner.save.journal import current_journal
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("news", __name__, url_prefix="/attempts")


@pages.get("/<ref>/news")
@access.lease
def since(ref: str) -> Reply:
    """Return what happened to this paper after the number `since`, with the clock; wait for it where nothing did.

    A page that names no number gets the clock at once, and the number to go on from. One that hears nothing gets
    that after some 25 s where its request could wait, else at once: then it asks again in its own time.

    Source: R-13, R-20, R-25, R-42.
    """
    journal = current_journal()
    info = journal.infos.get(ref)
    lease_hash, asked = asking_lease(), number_asked(flask.request.args.get("since"))
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
