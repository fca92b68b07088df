"""Refusals told in brief: many thousand requests are refused, and each refusal would draw the same page again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from typing import IO, Any

import flask
import msgspec
import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session
from werkzeug.formparser import FormDataParser

from cbt import errors
from cbt.accounts import sign_in
from cbt.accounts import views as staff_views
from cbt.confined import runner
from cbt.confined.child import REFUSAL, RESULT, ChildTask
from cbt.door import views
from cbt.http import problems
from cbt.http.auth import login
from cbt.http.auth.login import Principal, current_principal
from cbt.http.auth.machine import Machine
from cbt.http.forms import Refusal
from cbt.http.i18n import explain
from cbt.http.partials import Reply, wants_partial
from cbt.http.server.request_body import FormRequest
from tests.attacks.noted import NotedForm

URLENCODED = "application/x-www-form-urlencoded"
_REASONS: set[tuple[object, ...]] = set()
"""For which the page was drawn in this process."""


def tell_briefly(patched: pytest.MonkeyPatch) -> None:
    """Have the page of a refusal drawn once for each reason and for each reader, and then its sentences alone sent.

    Besides them the page says where it is and how to go on: that is seen the first time, whatever the value is that
    a case sends to every address, and whichever reason. The sentences are made for each request, status and headers
    are as always, and whatever a view draws itself is drawn.
    """
    drawn: set[tuple[object, ...]] = set()
    draw = problems._response

    def told(error: errors.CbtError, status: int) -> Reply:
        who = current_principal()
        reader = who.kind if who is not None else ""
        wanted = bool(flask.g.get("roles_wanted"))
        reason = error.code, status, reader, wanted
        look = reader, wanted, flask.request.method, wants_partial(), bool(flask.request.args)
        if problems.wants_json() or reason not in _REASONS or look not in drawn:
            reply = draw(error, status)
            _REASONS.add(reason)
            drawn.add(look)
            return reply
        return flask.make_response("\n".join(explain(error)), status)

    patched.setattr(problems, "_response", told)


def leave_no_entry(patched: pytest.MonkeyPatch) -> None:
    """Have a refusal leave no entry in the log, which would be a change each time.

    What is an entry is the affair of test_log_entries.py, that one can be written of test_odd_requests.py.
    """
    patched.setattr(sign_in, "_count", lambda _who, _code: None)


@contextmanager
def know_who_asks(patched: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a login looked up once, and again when the clock moves or anything whatever is stored.

    Nobody is remembered whose login is refused.
    """
    known: dict[tuple[object, ...], Principal] = {}
    look_up = login._load

    def load(token: str, *, machine: Machine, now: datetime, staff: bool) -> Principal | None:
        asked = flask.current_app._get_current_object(), token, machine, now, staff  # type: ignore[attr-defined]
        found = known.get(asked) or look_up(token, machine=machine, now=now, staff=staff)
        if found is not None:
            known[asked] = found
        return found

    def forget(_session: Session) -> None:
        known.clear()

    patched.setattr(login, "_load", load)
    event.listen(Session, "after_commit", forget)
    try:
        yield
    finally:
        event.remove(Session, "after_commit", forget)


def read_a_form_once(patched: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Have a body parsed once that is sent to one address after the other, as the product parses it.

    What was read of a body cannot be changed, so all may have the same. What is returned says whether anybody has
    looked into a form since it was last asked.
    """
    known: dict[tuple[object, ...], tuple[NotedForm, Any]] = {}

    class ParsedOnce(FormDataParser):
        def parse(
            self, stream: IO[bytes], mimetype: str, length: int | None, options: dict[str, str] | None = None
        ) -> tuple[IO[bytes], Any, Any]:
            if mimetype != URLENCODED:
                return super().parse(stream, mimetype, length, options)
            body = stream.read()
            asked = body, length, self.max_form_memory_size, self.cls
            if asked not in known:
                known.clear()
                _, form, files = super().parse(BytesIO(body), mimetype, length, options)
                known[asked] = NotedForm(form), files
            return stream, *known[asked]

    def was_read() -> bool:
        found = any(form.read for form, _ in known.values())
        for form, _ in known.values():
            form.read = False
        return found

    patched.setattr(FormRequest, "form_data_parser_class", ParsedOnce)
    return was_read


def open_briefly(patched: pytest.MonkeyPatch) -> None:
    """Have the pages with the forms of signing in drawn once for each thing they say to who was refused there.

    Somebody who guesses is told by the status, and thousands of guesses are refused here.
    """
    said: set[str] = set()
    draw_staff, draw_seat = staff_views._sign_in_page, views._seat_page

    def again(*refusals: Refusal) -> bool:
        what = "".join(one.what for one in refusals)
        known = flask.request.method == "POST" and what in said
        said.add(what)
        return known

    def staff(target: str, login: str, refused: Refusal) -> Reply:
        return (refused.what, refused.code) if again(refused) else draw_staff(target, login, refused)

    def seat(**refused: Refusal) -> Reply:
        if not again(*refused.values()):
            return draw_seat(**refused)
        return "".join(one.what for one in refused.values()), max(one.code for one in refused.values())

    patched.setattr(staff_views, "_sign_in_page", staff)
    patched.setattr(views, "_seat_page", seat)


def read_here(patched: pytest.MonkeyPatch) -> None:
    """Have files read and pages set in this process, where what becomes of them matters and not what they may take.

    How a child is confined is the affair of test_files.py and test_pictures.py. It has nothing but what it is
    handed, so what it made of that is known when it is asked again, as for what a whole bank shows its linter.
    """
    patched.setattr(runner, "_ask", lambda job, body, _limits: _made_of(msgspec.json.encode(job), body))


@lru_cache(maxsize=8)
def _made_of(job: bytes, body: bytes) -> tuple[bytes, int]:
    sent = msgspec.json.decode(job, type=ChildTask)
    module, _, name = sent.task.partition(":")
    try:
        return RESULT + getattr(import_module(module), name)(body, **sent.options), 0
    except errors.InvalidInput as refused:
        return REFUSAL + msgspec.msgpack.encode([refused.code, refused.params]), 0
