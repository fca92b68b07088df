"""What no reply holds: keys, explanations, unopened units, other people, our own insides; and what every one does.

Errors, headers, logs and the replies of saves are replies too.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from werkzeug.exceptions import abort
from werkzeug.test import TestResponse

from cbt import errors
from cbt.http.auth import access
from cbt.items import markup
from cbt.ops.logs import JsonLines
from cbt.runner.close.closure import expire_overdue
from cbt.storage.unit_of_work import reading
from tests.attacks.stages import BANK, PHOTO, Stage, shown
from tests.delivery.driver import Page
from tests.delivery.recovery_files import carried, recovery_file
from tests.delivery.starts import left_to_views
from tests.journeys.answers import Place, places_in
from tests.world import PASSWORD, PLANNED
from torture.judging.leaks import holds_any, leaks

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("files_read_here", "logins_known")]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Written out once more: whoever loosens it has to say so here too."""
EVERYWHERE = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
ON_PAGES = EVERYWHERE | {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
INSIDES = re.compile(
    r"Traceback|SELECT |INSERT |UPDATE |sqlalchemy|sqlcipher|psycopg|werkzeug|site-packages|\.py\b|/cbt/|"
    r"\bgranian|\$argon2|0x[0-9a-f]{8}",
    re.IGNORECASE,
)
"""What tells how the server is built."""
SECRET = "SELECT 310101199001011234 王小明 标准答案：B FROM secrets /srv/cbt/keys"
"""Stands in the text of errors nobody expected."""


def asset(stage: Stage, name: str) -> TestResponse:
    return stage.client("unsigned").get(stage.app.extensions["cbt_assets"].url(name))


def refused_save(stage: Stage) -> TestResponse:
    return stage.pages["theory"].send({"seq": 0, "kind": "answer", "position": 1, "value": "A"})


def etag_again(stage: Stage) -> TestResponse:
    url = f"/proctor/rooms/{stage.world.room_ref}/live"
    etag = stage.client("proctor").get(url).headers["ETag"]
    return stage.client("proctor").get(url, headers={"If-None-Match": etag})


REPLIES: dict[str, Callable[[Stage], TestResponse]] = {
    "a page": lambda s: s.client("officer").get("/office/batches"),
    "the seat page": lambda s: s.client("unsigned").get("/"),
    "the answer page": lambda s: s.pages["theory"].client.get(f"/exam/{s.pages['theory'].ref}"),
    "the answer page, packed": lambda s: s.pages["theory"].client.get(
        f"/exam/{s.pages['theory'].ref}", headers={"Accept-Encoding": "gzip"}
    ),
    "a fragment": lambda s: s.client("proctor").get(
        f"/proctor/rooms/{s.world.room_ref}/live", headers={"HX-Request": "true"}
    ),
    "nothing has changed (304)": etag_again,
    "JSON": lambda s: s.pages["theory"].client.get("/exam/wait/state"),
    "a save at the door": lambda s: s.pages["theory"].answer(3, "A"),
    "a save that is explained": refused_save,
    "a start at the door that is refused": lambda s: s.client("candidate").post(
        f"/attempts/{s.pages['second'].ref}/start", json={}
    ),
    "the clock": lambda s: s.pages["theory"].client.get(
        f"/attempts/{s.pages['theory'].ref}/clock", headers={"X-CBT-Lease": s.pages["theory"].lease}
    ),
    "a redirect to sign in": lambda s: s.client("unsigned").get("/office/batches"),
    "a redirect after a form": lambda s: s.client("unsigned").post("/preferences", data={"locale": "zh"}),
    "an empty answer": lambda s: s.client("unsigned").post("/seat/undelivered", json={"count": 0}),
    "a workbook": lambda s: s.client("officer").get("/office/roster-template.xlsx"),
    "a workbook of items": lambda s: s.client("author").get("/bank/template.xlsx"),
    "a csv": lambda s: s.client("officer").post(
        f"/office/sittings/{s.world.sitting_ref}/export", data={"format": "csv"}
    ),
    "a photo to the office": lambda s: s.client("officer").get(
        f"/office/registrations/{s.world.sitters['second'].registration_ref}/photo"
    ),
    "a photo to the board": lambda s: s.client("proctor").get(
        f"/proctor/rooms/{s.world.room_ref}/seats/{s.world.sitters['second'].registration_ref}/photo"
    ),
    "a photo to its owner": lambda s: s.pages["theory"].client.get("/exam/photo"),
    "health": lambda s: s.client("unsigned").get("/healthz"),
    "metrics": lambda s: s.client("unsigned").get("/metrics"),
    "a picture of ours": lambda s: asset(s, "ui/icon.svg"),
    "a licence text": lambda s: asset(s, "vendor/htmx.LICENSE"),
    "a page that is not there": lambda s: s.client("unsigned").get("/nothing"),
    "a static file that is not there": lambda s: s.client("unsigned").get("/static/x/nothing.css"),
    "a method that is not there": lambda s: s.client("unsigned").delete("/"),
    "OPTIONS": lambda s: s.client("unsigned").options("/"),
    "HEAD": lambda s: s.client("unsigned").head("/"),
    "a refused role": lambda s: s.client("marker").get("/office/batches"),
    "a refused role, to a program": lambda s: s.client("marker").get(
        "/office/batches", headers={"Accept": "application/json"}
    ),
    "a lost sign-in in a fragment": lambda s: s.client("unsigned").get(
        f"/proctor/rooms/{s.world.room_ref}/live", headers={"HX-Request": "true"}
    ),
    "a query that makes no sense": lambda s: s.client("officer").get("/audit?before=x"),
    "a body that is too large": lambda s: s.client("officer").post(
        f"/office/sittings/{s.world.sitting_ref}/photos",
        data=b"a=" + b"0" * (21 * 2**20),
        content_type="application/x-www-form-urlencoded",
    ),
}


@pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in REPLIES.items()])
def test_every_reply_has_the_security_headers(stage: Stage, ask: Callable[[Stage], TestResponse]) -> None:
    reply = ask(stage)
    for name, value in ON_PAGES.items():
        assert reply.headers.get_all(name) == [value], name
    policy = reply.headers["Permissions-Policy"]
    assert all(f"{feature}=()" in policy for feature in ("camera", "microphone", "geolocation"))
    assert "Access-Control-Allow-Origin" not in reply.headers
    assert not set(reply.headers.keys()) & {"X-Powered-By", "X-AspNet-Version", "X-Debug"}


@pytest.mark.parametrize("name", ["runner/main.js", "ui/base.css", "vendor/htmx.min.js"])
def test_a_script_or_style_sheet_is_nothing_else(stage: Stage, name: str) -> None:
    """What is never a page needs none of a page's headers: these keep it from becoming one."""
    reply = asset(stage, name)
    assert reply.mimetype in {"text/javascript", "text/css"}
    assert all(reply.headers[key] == value for key, value in EVERYWHERE.items())


@pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in REPLIES.items()])
def test_no_reply_is_kept_by_a_cache_or_guessed_at(
    stage: Stage, ask: Callable[[Stage], TestResponse]
) -> None:
    reply = ask(stage)
    kept = reply.headers["Cache-Control"]
    ours = reply.request.path.startswith("/static/") and reply.status_code == 200
    assert ("public" in kept) if ours else (kept in {"no-store", "no-cache"} or "no-store" in kept)
    if reply.get_data():
        assert reply.content_type
        if reply.mimetype.startswith("text/") and not ours:
            assert "charset=utf-8" in reply.content_type.lower()


@pytest.mark.parametrize("name", ["a workbook", "a workbook of items", "a csv"])
def test_a_file_is_saved_under_a_name_of_ours(stage: Stage, name: str) -> None:
    sent = REPLIES[name](stage).headers["Content-Disposition"]
    assert re.fullmatch(
        r"attachment; filename=\"?[A-Za-z0-9._-]+\"?(; filename\*=UTF-8''[A-Za-z0-9._%-]+)?", sent
    )


@pytest.mark.parametrize("name", ["a photo to the office", "a photo to the board", "a photo to its owner"])
def test_a_photo_is_a_picture_and_nothing_else(stage: Stage, name: str) -> None:
    reply = REPLIES[name](stage)
    assert reply.mimetype in {"image/jpeg", "image/png"}
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.get_data() == PHOTO


# ---- errors

ERRORS: dict[str, Callable[[], object]] = {
    "400": lambda: abort(400, SECRET),
    "401": lambda: abort(401, SECRET),
    "403": lambda: _raise(errors.NotAllowed("web.not_allowed")),
    "404": lambda: _raise(errors.NotFound("web.no_page")),
    "405": lambda: abort(405, SECRET),
    "409": lambda: _raise(errors.Conflict("lease.lost")),
    "410": lambda: _raise(errors.Gone("attempt.closed")),
    "413": lambda: abort(413, SECRET),
    "415": lambda: abort(415, SECRET),
    "422": lambda: _raise(errors.InvalidInput("web.bad_request")),
    "423": lambda: _raise(errors.Locked("attempt.suspended")),
    "425": lambda: _raise(errors.TooEarly("web.unexpected")),
    "429": lambda: _raise(errors.TooMany("sign_in.throttled", seconds=9)),
    "503": lambda: _raise(errors.Unavailable("db.write")),
    "503 of the database": lambda: _raise(OperationalError(SECRET, {"a": SECRET}, OSError(SECRET))),
    "500": lambda: _raise(RuntimeError(SECRET)),
    "500 of a missing key": lambda: _raise(KeyError(SECRET)),
    "500 of a refused row": lambda: _raise(IntegrityError(SECRET, {"a": SECRET}, ValueError(SECRET))),
    "500 of a deep recursion": lambda: _raise(RecursionError(SECRET)),
    "500 of a text that cannot be read": lambda: SECRET.encode().decode("ascii"),
}
READERS = {
    "a person": {"Accept": "text/html"},
    "a program": {"Accept": "application/json"},
    "a fragment": {"HX-Request": "true", "Accept": "text/html"},
}


def _raise(error: Exception) -> None:
    raise error


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines a server would write meanwhile."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonLines().format(record))

    handler, root = Kept(), logging.getLogger()
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)


@pytest.mark.parametrize("headers", [pytest.param(one, id=name) for name, one in READERS.items()])
@pytest.mark.parametrize("fail", [pytest.param(one, id=name) for name, one in ERRORS.items()])
def test_an_error_tells_nothing_and_is_a_proper_reply(
    stage: Stage,
    fail: Callable[[], object],
    headers: dict[str, str],
    log: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(stage.app.view_functions, "accounts.home", access.staff(lambda: fail()))
    monkeypatch.setitem(stage.app.config, "PROPAGATE_EXCEPTIONS", False)
    reply = stage.client("officer").get("/staff", headers=headers)
    assert reply.status_code >= 400
    said = shown(reply)
    assert INSIDES.search(reply.get_data(as_text=True).replace("/static/", "")) is None
    for secret in (SECRET, "310101199001011234", "标准答案", "/srv/cbt"):
        assert secret not in said
        assert secret not in "".join(log)
    for name, value in ON_PAGES.items():
        assert reply.headers[name] == value
    assert all(len(line.splitlines()) == 1 and json.loads(line) for line in log)
    if headers["Accept"] == "application/json":
        assert {"code", "message", "fix"} <= reply.get_json().keys()


PATHS_THAT_FAIL: dict[str, tuple[str, Callable[[Stage], TestResponse]]] = {
    "a save": ("attempts.answers", refused_save),
    "a unit's end": ("attempts.advance", lambda s: s.pages["skills"].advance(1, completed=False)),
    "a hand-in": ("attempts.submit", lambda s: s.pages["theory"].submit()),
    "the answer page": (
        "delivery.runner",
        lambda s: s.pages["theory"].client.get(f"/exam/{s.pages['theory'].ref}?by=view"),
    ),
    "the waiting room": ("delivery.wait_state", lambda s: s.pages["theory"].client.get("/exam/wait/state")),
    "results": ("results.mine", lambda s: s.client("unsigned").get("/my/results")),
    "the board": (
        "proctoring.live",
        lambda s: s.client("proctor").get(f"/proctor/rooms/{s.world.room_ref}/live"),
    ),
    "an item": ("bank.item", lambda s: s.client("author").get(f"/bank/{BANK}/items/A-A-A-001-T1")),
}


@pytest.mark.parametrize("name", list(PATHS_THAT_FAIL))
def test_a_path_that_fails_tells_nothing(
    stage: Stage, name: str, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks in a view and whatever its error says: neither the reply nor the log repeats it."""
    endpoint, ask = PATHS_THAT_FAIL[name]
    marked = access.access_of(stage.app, endpoint)
    assert marked is not None

    def broken(**_: object) -> None:
        raise RuntimeError(SECRET + "".join(stage.secrets.explanations[:3]))

    broken.cbt_access = marked  # type: ignore[attr-defined]  # read back by access_of
    monkeypatch.setitem(stage.app.view_functions, endpoint, broken)
    monkeypatch.setitem(stage.app.config, "PROPAGATE_EXCEPTIONS", False)
    with left_to_views(stage.app):
        reply = ask(stage)
    assert reply.status_code == 500
    for text in (shown(reply), "".join(log)):
        assert SECRET not in text
        assert not any(mark in text for mark in stage.secrets.explanations[:3])
    assert any("RuntimeError" in line for line in log)


# ---- what a candidate's browser is sent

_NOT_TEXT = re.compile(r"<[^>]*>|[\s*_`|{}\d]")
WORDS = ("answer_key", "difficulty", "consistency", "explanation", "enemies", "knowledge_point", "tolerance")


def bare(text: str) -> str:
    """Letters only, so that no spelling hides a text."""
    return _NOT_TEXT.sub("", text)


def places(stage: Stage, name: str) -> list[Place]:
    with stage.app.app_context(), reading() as session:
        return places_in(session, stage.world.sitters[name].attempt_id)


SENT: dict[str, Callable[[Stage, Page], TestResponse]] = {
    "the start": lambda s, p: p.start(),
    "a save": lambda s, p: p.answer(2, "A"),
    "a repeated save": lambda s, p: p.send({"seq": 1, "kind": "answer", "position": 2, "value": "A"}),
    "a heartbeat": lambda s, p: p.send(),
    "a save of nonsense": lambda s, p: p.answer(2, {"a": [1]}),
    "a save at no position": lambda s, p: p.answer(9999, "A"),
    "a note": lambda s, p: p.answer(2, True, "flag"),
    "a save under an old lease": lambda s, p: p.client.post(
        f"/attempts/{p.ref}/answers",
        json={"epoch": p.epoch - 1, "entries": []},
        headers={"X-CBT-Lease": p.lease},
    ),
    "a save that is no JSON": lambda s, p: p.client.post(
        f"/attempts/{p.ref}/answers", data="{", headers={"X-CBT-Lease": p.lease}
    ),
    "the clock": lambda s, p: p.client.get(f"/attempts/{p.ref}/clock", headers={"X-CBT-Lease": p.lease}),
    "a hand-in before its time": lambda s, p: p.submit(),
    "a unit's end of a unit to come": lambda s, p: p.advance(4, completed=False),
    "the answer page": lambda s, p: p.client.get(f"/exam/{p.ref}"),
    "the end before the end": lambda s, p: p.client.get(f"/exam/{p.ref}/done"),
    "the confirmation": lambda s, p: p.client.get("/exam/confirm"),
    "the notice": lambda s, p: p.client.get("/exam/notice"),
    "the waiting room": lambda s, p: p.client.get("/exam/wait"),
    "the waiting room's signal": lambda s, p: p.client.get("/exam/wait/state"),
    "the seat page": lambda s, p: p.client.get("/"),
    "results": lambda s, p: p.client.get("/my/results"),
    "an item of the bank": lambda s, p: p.client.get(f"/bank/{BANK}/items/A-A-A-001-T1"),
    "another's paper": lambda s, p: p.client.get(f"/exam/{s.pages['second'].ref}"),
    "a reading receipt of another's reminder": lambda s, p: p.client.post(
        f"/attempts/{p.ref}/messages/{s.message_id}/read", json={}, headers={"X-CBT-Lease": p.lease}
    ),
    "what is left on a machine": lambda s, p: p.client.post(
        "/exam/held", json={"keys": [], "attempts": [s.pages["second"].ref]}
    ),
}


@pytest.mark.parametrize("who", ["theory", "skills"])
@pytest.mark.parametrize("name", list(SENT))
def test_a_candidate_is_sent_no_key_no_unopened_unit_and_nobody_else(
    stage: Stage, name: str, who: str
) -> None:
    page = stage.pages[who]
    reply = SENT[name](stage, page)
    assert reply.status_code < 500
    said = shown(reply)
    letters = bare(said)
    others = [one for key, one in stage.world.sitters.items() if key != who]
    for one in others:
        assert one.name not in said
        assert one.ticket not in said
    assert not any(number in said for number in stage.documents)
    assert not any(key in said for key in stage.key_files)
    assert not any(word in said for word in WORDS)
    assert not holds_any(said, stage.secrets.explanations)
    known = [one for one in leaks(reply.get_data(), stage.secrets) if one != "another candidate"]
    assert known == []
    for place in places(stage, who):
        if who == "skills" and place.unit > 1:
            for secret in (place.content.stem, place.case.stimulus, place.case.title):
                text = bare(secret)
                assert len(text) < 6 or text not in letters, f"unit {place.unit}"


@pytest.mark.parametrize("who", ["theory", "second", "skills"])
def test_a_paper_holds_known_fields_and_no_order_that_is_the_key(stage: Stage, who: str) -> None:
    """Matching and ordering come shuffled; an item carries nothing but what is shown."""
    paper = stage.pages[who].opened["paper"]
    known = {
        "position",
        "type",
        "points",
        "section",
        "unit",
        "stem",
        "choices",
        "blanks",
        "word_bank",
        "lefts",
    }
    form = places(stage, who)
    assert paper["items"]
    for item in paper["items"]:
        assert set(item) <= known | {"options", "steps"}
        place = form[item["position"] - 1]
        if "steps" in item:
            assert item["steps"] != [markup.inline(step) for step in place.content.steps]
        if "lefts" in item:
            key: Any = place.content.answer_key
            right = {
                markup.inline(left): markup.inline(place.content.options[key[at]])
                for at, left in enumerate(place.content.lefts)
            }
            assert item["options"][: len(item["lefts"])] != [right[left] for left in item["lefts"]]


def test_a_receipt_says_which_save_and_nothing_of_what_is_right(stage: Stage) -> None:
    """Right and wrong answers get receipts that differ in nothing but their number and instant."""
    page, form = stage.pages["theory"], places(stage, "theory")
    choice = next(one for one in form[10:] if one.type == "single_choice")
    receipts = []
    for value in (choice.right(), choice.wrong()):
        reply = page.answer(choice.position, value)
        assert reply.status_code == 200
        receipts.append(reply.get_json()["receipts"][0])
    assert receipts[0].keys() == receipts[1].keys()
    numbers = {"seq", "at", "received_at", "number"}
    assert {k: v for k, v in receipts[0].items() if k not in numbers} == {
        k: v for k, v in receipts[1].items() if k not in numbers
    }


@pytest.mark.parametrize("role", ["proctor", "chief_proctor", "officer", "inspector"])
def test_an_etag_is_a_digest_or_a_number(stage: Stage, role: str) -> None:
    """Of what a page shows; or of a process, with how often the page changed there."""
    reply = stage.client(role).get(f"/proctor/rooms/{stage.world.room_ref}/live")
    assert re.fullmatch(r'(W/)?"[0-9a-f]{8,64}(-[0-9]+)?"', reply.headers["ETag"])
    assert "周杰" not in "\n".join(f"{name}: {value}" for name, value in reply.headers)


# ---- logs

LOGGED: dict[str, Callable[[Stage], object]] = {
    "a refused staff sign-in": lambda s: s.fresh("unsigned").post(
        "/staff/sign-in", data={"login": "kao-wu-chu", "password": PASSWORD + "!"}
    ),
    "a refused candidate": lambda s: s.fresh("unsigned").post(
        "/sign-in", data={"ticket": s.world.sitters["second"].ticket, "document": "00000X"}
    ),
    "a line of its own in a login": lambda s: s.fresh("unsigned").post(
        "/staff/sign-in", data={"login": 'x\n{"level":"info"}\r\nforged', "password": "x"}
    ),
    "a line of its own in a path": lambda s: s.fresh("unsigned").get("/nothing%0d%0aforged"),
    "a line of its own in a header": lambda s: s.fresh("unsigned").get(
        "/", headers={"User-Agent": "x forged"}
    ),
    "a save that fails": lambda s: refused_save(s),
    "a lost lease": lambda s: s.pages["theory"].client.get(f"/attempts/{s.pages['second'].ref}/clock"),
}


@pytest.mark.parametrize("name", list(LOGGED))
def test_the_log_holds_no_secret_and_no_forged_line(stage: Stage, name: str, log: list[str]) -> None:
    LOGGED[name](stage)
    for line in log:
        assert len(line.splitlines()) == 1
        assert json.loads(line)["level"] in {"warning", "error", "info"}
        for secret in (PASSWORD, "kao-wu-chu", stage.pages["theory"].lease, *stage.people, *stage.documents):
            assert secret not in line


def test_a_cookie_holds_no_person(stage: Stage) -> None:
    """The session cookie is signed, not sealed: whoever reads it finds a token and a form token."""
    for client in (stage.client("officer"), stage.pages["theory"].client):
        for path in ("/staff", "/"):
            client.get(path)
            with client.session_transaction(path) as kept:
                said = json.dumps(dict(kept), ensure_ascii=False)
            assert not any(mark in said for mark in (*stage.people, *stage.documents, "officer"))


def test_health_and_metrics_hold_nobody(stage: Stage) -> None:
    for path in ("/healthz", "/metrics"):
        said = shown(stage.client("unsigned").get(path))
        assert not any(mark in said for mark in (*stage.people, *stage.documents))
        assert stage.pages["theory"].ref not in said
        assert stage.world.room_ref not in said


def test_a_recovery_file_holds_what_was_typed_and_its_page_no_key(stage: Stage) -> None:
    page = stage.pages["theory"]
    now = stage.world.clock.now()
    file = recovery_file(page, carried(page, 5, "B", now), made_at=now)
    assert leaks(file.encode(), stage.secrets) == []
    now = stage.world.clock.set(PLANNED + timedelta(minutes=46))
    with stage.app.app_context():
        expire_overdue(now=now)
    reply = stage.client("proctor").post(
        f"/proctor/rooms/{stage.world.room_ref}/recovery",
        data={"file": (io.BytesIO(file.encode()), "seat-01.cbtr")},
    )
    assert reply.status_code == 200
    assert not holds_any(shown(reply), stage.secrets.explanations)
    assert not any(number in shown(reply) for number in stage.documents)
    assert page.opened["seal"] not in shown(reply)
