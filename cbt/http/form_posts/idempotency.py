"""Idempotency of forms: a one-time key on each form of staff, and one outcome however often it arrives.

A key is drawn when a page is shown, for whoever it is shown to. Nobody else can draw one for that person: it
is signed under the installation's own key. So a form that comes with it came from a page that this person was
shown, whatever became of their login in between.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from typing import Any, TypeVar, cast

import flask
import flask_babel
import msgspec
from sqlalchemy import CursorResult, LargeBinary, String, Text, bindparam, delete, select, update
from sqlalchemy.orm import Session

from cbt.errors import Unavailable
from cbt.http.auth.access import access_of
from cbt.http.auth.login import KIND, current_principal, signed_in
from cbt.http.auth.rate_limit import insert_of
from cbt.http.form_posts.refill import OURS
from cbt.http.models import SentForm
from cbt.http.partials import Reply, page_of_form, wants_partial
from cbt.http.problems import shown_error
from cbt.storage.crypto import open_bytes, seal_bytes
from cbt.storage.engine import cannot_persist
from cbt.storage.prepared import Change, PreparedChange
from cbt.storage.types import UtcDateTime
from cbt.storage.unit_of_work import Joining, after_commit, joined_by, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes, put_down

log = logging.getLogger(__name__)


FIELD = "once_key"
RANDOM_BYTES, SEAL_BYTES = 12, 15
_PURPOSE = b"cbt once key"


@dataclass(frozen=True, slots=True)
class FormKey:
    """What the key of a form says: whose page it was on, and since when."""

    subject_ref: str
    drawn_at: datetime


def form_key() -> str:
    """Return a fresh key for a form of the page that is drawn; none for people who are not staff."""
    principal = current_principal()
    if principal is None or principal.kind != KIND:
        return ""
    return draw(principal.subject_ref, now=flask.g.now)


def draw(subject_ref: str, *, now: datetime) -> str:
    payload = f"{subject_ref}.{int(now.timestamp()):x}.{secrets.token_urlsafe(RANDOM_BYTES)}"
    return f"{payload}.{_seal(payload)}"


def read(key: str) -> FormKey | None:
    """Return what a key says; None for one that was not drawn here."""
    payload, _, seal = key.rpartition(".")
    parts = payload.split(".")
    if len(parts) != 3 or not hmac.compare_digest(seal.encode(), _seal(payload).encode()):
        return None
    return FormKey(parts[0], datetime.fromtimestamp(int(parts[1], 16), UTC))


def _seal(payload: str) -> str:
    secret = hmac.new(flask.current_app.config["SECRET_KEY"], _PURPOSE, hashlib.sha256).digest()
    seal = hmac.new(secret, payload.encode(), hashlib.sha256).digest()[:SEAL_BYTES]
    return base64.urlsafe_b64encode(seal).decode()


_MARK = bindparam("of_mark", type_=String)


def claiming(dialect: str) -> Any:
    """Return what writes the row, unless it is there (`of_mark`, `of_content`, `now`), for a kind of database."""
    values = {
        "mark": _MARK,
        "content": bindparam("of_content", type_=String),
        "sent_at": bindparam("now", type_=UtcDateTime),
    }
    return insert_of(dialect)(SentForm).values(values).on_conflict_do_nothing()


CLAIMED = PreparedChange(claiming)
ANSWERED = PreparedChange(
    lambda _: (
        update(SentForm)
        .where(SentForm.mark == _MARK)
        .values(place=bindparam("led_to", type_=Text), answer=bindparam("said", type_=LargeBinary))
    )
)
FORGOTTEN = PreparedChange(lambda _: delete(SentForm).where(SentForm.mark == _MARK))


# A form that arrives twice makes one thing: the second arrival is answered with what the first made.
#
# Each form of a page for staff carries a key (keys.py). What a view does with a form is one unit of work, and
# a row with the form's mark is written in that same one: of two that arrive at the same moment, at whichever
# node, one finds it taken and is answered as the other. A form that was refused made nothing and leaves no
# row; it may be sent again.
#
# Source: R-62 (an act is an act once).

View = TypeVar("View", bound=Callable[..., Any])
CARRIED = OURS | {FIELD}
"""What a form carries about itself."""
KEPT = timedelta(days=1)
"""So long a form is known: longer than any login lasts."""
SAID = timedelta(minutes=10)
"""So long a part of a page can be said again."""
LOOK_SECONDS, LOOKS = 0.05, 60
"""How often a second arrival looks whether the first was answered, before it says only that it was there."""
LONGEST_ANSWER = 64 * 1024
SEALED_FOR = "sent form"


class AlreadySent(Exception):  # no error: somebody else's answer is on its way
    """Raised in the unit of work of a form that something was made of already."""


def says(view: View) -> View:
    """Mark a view whose answer is part of a page and no way to another: that part is said again."""
    view.cbt_says = True  # type: ignore[attr-defined]  # read back by init_once
    return view


def leads_to(place: str) -> None:
    """Say where a second arrival is led by a view that answers with a page of its own."""
    flask.g.once_place = place


def init_once(app: flask.Flask) -> None:
    """Have every form for staff make one thing; called when all views are there."""
    app.add_template_global(form_key, "form_key")
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()):
            continue
        access, view = access_of(app, rule.endpoint), app.view_functions[rule.endpoint]
        if access is not None and access.kind == "staff" and not hasattr(view, "cbt_once"):
            app.view_functions[rule.endpoint] = _once(cast("Callable[..., Reply]", view))


@cache
def _once(view: Callable[..., Reply]) -> Callable[..., Reply]:
    @wraps(view)
    def answer(**arguments: Any) -> Reply:
        form = _Form.sent() if flask.request.method == "POST" else None
        while form is not None:
            before = form.answered()
            if before is not None:
                return before
            with suppress(AlreadySent):
                return form.make(lambda: view(**arguments), keeps=hasattr(view, "cbt_says"))
        return view(**arguments)

    answer.cbt_once = True  # type: ignore[attr-defined]  # read back by init_once and the tests
    return answer


class _Part(msgspec.Struct):
    """What was answered into a page that is open."""

    html: str
    headers: dict[str, str]


class _Form:
    """The form of this request, which has a key of its own."""

    def __init__(self, mark: str, content: str, now: datetime) -> None:
        self._mark = mark
        self._content = content
        self._now = now
        self._written = False

    @classmethod
    def sent(cls) -> _Form | None:
        """Return the form of this request; None for one without a key that was drawn for who sends it."""
        request, key = flask.request, flask.request.form.get(FIELD, "")
        drawn = read(key) if key else None
        if drawn is None or drawn.subject_ref != signed_in().subject_ref:
            return None
        typed = sorted(pair for pair in request.form.items(multi=True) if pair[0] not in OURS)
        files = sorted((name, file.filename or "") for name, file in request.files.items(multi=True))
        mark = hashlib.sha256(f"{request.path}\n{key}".encode()).hexdigest()
        return cls(mark, hashlib.sha256(repr((typed, files)).encode()).hexdigest(), flask.g.now)

    def make(self, view: Callable[[], Reply], *, keeps: bool) -> Reply:
        """Call the view, and keep where its answer leads; raise SentBefore when somebody was quicker."""
        try:
            with joined_by(Joining(self._claim, self._claim_rows, self._note_written)):
                reply = flask.make_response(view())
        except AlreadySent:
            raise
        except BaseException:
            self._forget()
            raise
        refused = reply.status_code >= 400 or shown_error() is not None
        place = flask.g.get("once_place") or reply.location
        part = _part_of(reply) if keeps else None
        if refused or (place is None and part is None):
            self._forget()
        else:
            self._keep(place or "", part)
        # What the other made may be why this one was refused: a name that is taken since.
        return (self.answered() if refused and not self._written else None) or reply

    def answered(self) -> Reply | None:
        """Return the answer to a second arrival; None when nothing was made of this form."""
        for _ in range(LOOKS):
            with reading() as session:
                row = session.get(SentForm, self._mark)
            if row is None:
                return None
            if row.place is not None:
                return self._again(row, row.place)
            time.sleep(LOOK_SECONDS)
        flask.flash(flask_babel.gettext("web.once.unanswered"), "warn")
        return _to(_page())

    def _again(self, row: SentForm, place: str) -> Reply:
        if row.answer is not None:
            part = msgspec.json.decode(open_bytes(row.answer, SEALED_FOR), type=_Part)
            return flask.Response(part.html, headers=part.headers, mimetype="text/html")
        if row.content == self._content:
            flask.flash(flask_babel.gettext("web.once.same"))
        else:
            flask.flash(flask_babel.gettext("web.once.other"), "warn")
        return _to(place or _page())

    def _claim(self, session: Session) -> None:
        if self._written:
            return
        claim = claiming(session.get_bind().dialect.name).returning(SentForm.mark)
        if session.scalar(claim, self._claimed) is None:
            raise AlreadySent
        after_commit(session, self._note_written)

    def _claim_rows(self) -> list[Rows]:
        return [] if self._written else [CLAIMED.of(**self._claimed).rows(touches=1)]

    @property
    def _claimed(self) -> dict[str, object]:
        return {"of_mark": self._mark, "of_content": self._content, "now": self._now}

    def _note_written(self) -> None:
        self._written = True

    def _keep(self, place: str, part: _Part | None) -> None:
        sealed = None if part is None else seal_bytes(msgspec.json.encode(part), SEALED_FOR)
        self._write(ANSWERED.of(of_mark=self._mark, led_to=place, said=sealed))

    def _forget(self) -> None:
        self._write(FORGOTTEN.of(of_mark=self._mark))

    def _write(self, change: Change) -> None:
        if not self._written:
            return
        try:
            if one_writes():
                put_down(change.rows())
                return
            with unit_of_work() as session:
                change.carry_out(session)
        except Exception as error:
            if not (cannot_persist(error) or isinstance(error, Unavailable)):
                raise
            log.warning("what became of a form was not noted: %s", type(error).__name__)


def _part_of(reply: flask.Response) -> _Part | None:
    if not wants_partial() or reply.mimetype != "text/html" or reply.status_code != 200:
        return None
    html = reply.get_data(as_text=True)
    headers = {name: value for name, value in reply.headers if name.startswith("HX-")}
    return _Part(html, headers) if len(html) <= LONGEST_ANSWER else None


def _page() -> str:
    return page_of_form(flask.request) or flask.url_for("accounts.home")


def _to(place: str) -> Reply:
    if wants_partial():
        return flask.Response(status=204, headers={"HX-Redirect": place})
    return flask.redirect(place, 303)


def purge_sent(*, now: datetime, most: int) -> int:
    """Forget forms of a day ago, and sooner what was answered, at most `most` of each; return how many of both."""
    over = select(SentForm.mark).where(SentForm.sent_at <= now - KEPT).limit(most)
    query = (
        select(SentForm.mark).where(SentForm.answer.is_not(None), SentForm.sent_at <= now - SAID).limit(most)
    )
    with unit_of_work() as session:
        unsaid = session.execute(update(SentForm).where(SentForm.mark.in_(query)).values(answer=None))
        gone = session.execute(delete(SentForm).where(SentForm.mark.in_(over)))
        return cast(CursorResult[Any], unsaid).rowcount + cast(CursorResult[Any], gone).rowcount
