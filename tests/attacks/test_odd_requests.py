"""Requests no page sends: every one is answered with a sentence of ours, never with a 500."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_from_bytes, urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from cbt.blueprints.reader import read as read_blueprint
from cbt.errors import InvalidInput
from cbt.http.auth.access import access_of
from cbt.http.form_values import page_of, whole_number
from cbt.http.models import LoginSession
from cbt.http.partials import LONGEST_TARGET, local_target
from cbt.items.types.numeric.editor import number_key
from cbt.paths import product_dir
from cbt.proctoring.acts.registry import ACTS
from cbt.rules.items.inputs import number
from cbt.rules.items.numeric import read_number
from cbt.rules.items.registry import parse_content
from cbt.runner.close.closure import expire_overdue
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed
from cbt.sittings.inputs import parse_local, parse_number
from cbt.storage.unit_of_work import reading
from tests.attacks.asking import Answer, Asker
from tests.attacks.briefly import read_a_form_once, tell_briefly
from tests.conftest import DATABASES, Templates, installation
from tests.delivery.driver import Page
from tests.helpers import FakeClock
from tests.world import PLANNED, START, World

pytestmark = pytest.mark.usefixtures("files_read_here", "logins_known")

DIGITS = "9" * 5000
ALIKE = pytest.mark.once(on="sqlite")
"""Marks what the databases see no difference in: none is handed it, or as any text. The embedded one works less."""
NASTY = [
    pytest.param("\0", id="NUL", marks=ALIKE),
    pytest.param("a\0b", id="NUL within"),
    pytest.param(DIGITS, id="5,000 digits"),
    pytest.param("9" * 19, id="a number beyond 64 bits"),
    pytest.param("9" * 10, id="a number beyond 32 bits"),
    pytest.param("-1", id="a negative number"),
    pytest.param("0", id="zero", marks=ALIKE),
    pytest.param("1e999999", id="a huge exponent", marks=ALIKE),
    pytest.param("1e-999999", id="a tiny exponent", marks=ALIKE),
    pytest.param("NaN", id="not a number", marks=ALIKE),
    pytest.param("Infinity", id="infinity", marks=ALIKE),
    pytest.param("²", id="a digit that is none", marks=ALIKE),
    pytest.param("９９９９９９９９９９", id="full-width digits", marks=ALIKE),
    pytest.param("٣", id="a digit of another script", marks=ALIKE),
    pytest.param("0001-01-01T00:00", id="the first day"),
    pytest.param("9999-12-31T23:59", id="the last day"),
    pytest.param("99:99", id="a time that is none", marks=ALIKE),
    pytest.param("/\r\nSet-Cookie: a=b", id="a line end", marks=ALIKE),
    pytest.param("//example.org", id="another site", marks=ALIKE),
    pytest.param("\u202e\u200b", id="unseen characters", marks=ALIKE),
    pytest.param("𬭎😀", id="characters beyond the first plane"),
    pytest.param("x" * 5_000, id="5,000 letters"),
    pytest.param("[" * 2_000, id="2,000 brackets", marks=ALIKE),
    pytest.param("%s%n{0}{{7*7}}%(x)s", id="marks of formats", marks=ALIKE),
    pytest.param("../../etc/passwd", id="a path", marks=ALIKE),
    pytest.param("' OR 1=1 --", id="SQL"),
    pytest.param("", id="nothing", marks=ALIKE),
]
_NAMED = re.compile(
    r"""(?:form|args|given)(?:\.get|\.getlist)?[(\[]\s*"([a-z_]+)"|(?:form|args), "([a-z_]+)"|field="([a-z_]+)\""""
)
FIELDS = sorted(
    {
        name
        for path in (product_dir("templates").parent / "cbt").rglob("*.py")
        for found in _NAMED.findall(path.read_text("utf-8"))
        for name in found
        if name
    }
)
"""Every name that the product looks up in a form or an address."""
VERIFIED = ("password", "old", "new", "again", "second_login", "second_password")
"""What is verified slowly on purpose: tried by itself."""
READ_A_QUERY = {
    "accounts.sign_in",
    "accounts.audit.log",
    "bank.bank",
    "bank.item",
    "coverage.draw",
    "coverage.proof",
    "sittings.batches",
    "proctoring.board",
    "proctoring.live",
    "proctoring.ask",
    "results.index",
    "results.mine",
}
ACTS_AT_ONCE = 2
FORM = "application/x-www-form-urlencoded"
OF_FLASK = ("endpoint", "values", "ref", "_external", "_scheme", "_anchor", "_method")
"""Names that the routing itself takes."""
LEFT_OUT = frozenset({"accounts.sign_out", "door.leave", "assets.static_file"})
_ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")


@pytest.fixture(autouse=True)
def form_was_read(monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Refusals are told in brief, and a form is read once; whether anybody has looked into it is told."""
    tell_briefly(monkeypatch)
    return read_a_form_once(monkeypatch)


@pytest.fixture(scope="module", params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    """One database after the other, for what is asked of it is asked of one world."""
    return str(request.param)


@pytest.fixture(scope="module")
def shared(
    templates: Templates, database_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callers]:
    """Everybody's browsers in one world, for requests that end nobody's login."""
    with installation(templates, database_kind, tmp_path_factory.mktemp("shared"), FakeClock(START)) as (
        _,
        made,
    ):
        assert made is not None
        yield Callers(made)


@pytest.fixture
def callers(shared: Callers) -> Iterator[Callers]:
    """The shared browsers; whatever a case asked, all of them are signed in as before."""
    yield shared
    with shared.world.app.app_context(), reading() as session:
        assert (
            session.scalars(select(LoginSession.id).where(LoginSession.revoked_at.is_not(None))).all() == []
        )


class Callers:
    """Signed-in browsers, one for each kind of view.

    What a database refuses is one refusal to a page and to a script: pages ask the embedded one, scripts the
    other, so that both kinds of answer are seen.
    """

    def __init__(self, world: World) -> None:
        world.admit_all()
        self.world = world
        self._asks = "text/html" if world.app.extensions["cbt_settings"].embedded else "application/json"
        self._kept: dict[str, FlaskClient] = {"anonymous": self._asking(world.app.test_client())}
        self._askers: dict[str, Asker] = {}

    def _asking(self, client: FlaskClient) -> FlaskClient:
        client.environ_base["HTTP_ACCEPT"] = self._asks
        return client

    def of(self, endpoint: str) -> FlaskClient:
        """Return the browser of somebody who may call the view."""
        return self._of(self._name(endpoint))

    def ask(self, endpoint: str, method: str, url: str, body: bytes = b"", **more: str) -> Answer:
        """Send a request as somebody who may call the view, one of many thousand."""
        name = self._name(endpoint)
        if name not in self._askers:
            self._askers[name] = Asker(self._of(name))
        return self._askers[name].ask(method, url, body, **more)

    def _name(self, endpoint: str) -> str:
        access = access_of(self.world.app, endpoint)
        assert access is not None
        if access.kind == "staff":
            return min(role.value for role in access.roles) if access.roles else "admin"
        return "candidate" if access.kind == "candidate" else "anonymous"

    def _of(self, name: str) -> FlaskClient:
        if name not in self._kept:
            made = self.world.candidate("theory") if name == "candidate" else self.world.staff(name)
            self._kept[name] = self._asking(made)
        return self._kept[name]


def real(world: World, rule: str, name: str) -> str:
    """Return a value that exists, for the argument of a rule."""
    sitter = world.sitters["theory"]
    if name == "room_ref":
        return world.room_ref
    if name == "sitting_ref" or rule.startswith("/office/sittings"):
        return world.sitting_ref
    if name == "batch_ref" or rule.startswith("/office/batches"):
        return world.batch_ref
    if rule.startswith("/bank"):
        return "customer-service-l3"
    if rule.startswith(("/attempts", "/exam")):
        return sitter.attempt_ref
    return sitter.registration_ref if name == "ref" else "1"


def calls(world: World) -> Iterator[tuple[Rule, str]]:
    for rule in world.app.url_map.iter_rules():
        if rule.endpoint not in LEFT_OUT:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method


def acts_for(value: object) -> list[str]:
    """Return a few of a proctor's acts, others for each value: between them the values meet them all."""
    codes = sorted(ACTS)
    known = [one.values[0] for one in NASTY]
    first = ACTS_AT_ONCE * known.index(value) if value in known else 0
    return [codes[(first + step) % len(codes)] for step in range(ACTS_AT_ONCE)]


def paths(world: World, rule: Rule, acts: Sequence[str]) -> Iterator[str]:
    """Yield the address of a rule with what exists; that of a proctor's act once for each of `acts`."""

    def fill(found: re.Match[str]) -> str:
        return real(world, rule.rule, found[2])

    if "<code>" in rule.rule:
        for code in acts:
            yield _ARGUMENT.sub(fill, rule.rule.replace("<code>", code))
    else:
        yield _ARGUMENT.sub(fill, rule.rule)


def fails(answer: TestResponse) -> bool:
    """Say whether an answer is one of a fault; it is closed, for some of them are files that are sent."""
    failed = answer.status_code >= 500 or b"Traceback" in answer.data[:2000]
    answer.close()
    return failed


@pytest.mark.once
def test_who_asks_a_thousand_times_asks_as_a_browser_does(callers: Callers) -> None:
    """The requests of this file, and those of werkzeug's client: the product sees one and the same."""
    app, seen = callers.world.app, []

    def note(environ: dict[str, Any], _begin: object) -> list[bytes]:
        known = dict(environ)
        body = known.pop("wsgi.input").read()
        seen.append((body, {name: text for name, text in known.items() if "werkzeug" not in name}))
        return []

    client = callers.of("sittings.batches")
    asker = Asker(client)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(app, "wsgi_app", lambda environ, begin: note(environ, begin("200 OK", [])))
        client.get("/office/%E5%AE%A2/x?a=%20b")
        asker.ask("GET", "/office/%E5%AE%A2/x?a=%20b")
        client.post("/x", data="a=b", content_type=FORM, headers={"X-CBT-Lease": "y"})
        asker.ask("POST", "/x", b"a=b", kind=FORM, lease="y")
    assert seen[0] == seen[1]
    assert seen[2] == seen[3]
    assert "cbt_staff=" in seen[0][1]["HTTP_COOKIE"]
    assert asker.ask("GET", "/office/batches").status == client.get("/office/batches").status_code == 200


@pytest.mark.parametrize("value", NASTY)
def test_no_address_is_a_500(callers: Callers, value: str) -> None:
    wrong = []
    for rule, method in calls(callers.world):
        if not rule.arguments:
            continue
        url = _ARGUMENT.sub(quote(value, safe=""), rule.rule)
        answer = callers.ask(rule.endpoint, method, url, lease="x")
        if answer.failed:
            wrong.append((rule.rule, method, answer.status))
    assert wrong == []


@pytest.mark.parametrize("value", NASTY)
def test_no_query_is_a_500(callers: Callers, value: str) -> None:
    sent = urlencode(dict.fromkeys((*FIELDS, *OF_FLASK), value), safe="[")
    wrong = []
    for rule, method in calls(callers.world):
        if method != "GET" or rule.endpoint not in READ_A_QUERY:
            continue
        for url in paths(callers.world, rule, acts_for(value)):
            answer = callers.ask(rule.endpoint, "GET", f"{url}?{sent}")
            if answer.failed:
                wrong.append((url, answer.status))
    assert wrong == []


def of_nothing(world: World, rule: Rule) -> bool:
    """Say whether a rule is asked about what is not there, whatever happened before: by a name nothing has."""
    named = [found for found in _ARGUMENT.finditer(rule.rule) if found[2] != "code"]
    return any(found[1] is None and real(world, rule.rule, found[2]) == "1" for found in named)


_UNREAD: set[tuple[str, str]] = set()
"""Databases and rules of which it was seen that a form to nothing is answered 404 without a look into it.

That answer comes of the address alone, so other values would be told the same.
"""


@pytest.mark.parametrize("value", NASTY)
def test_no_form_is_a_500(
    world: World, value: str, database_kind: str, form_was_read: Callable[[], bool]
) -> None:
    callers = Callers(world)
    named = [(name, value) for name in FIELDS if name not in VERIFIED]
    sent = urlencode([*named, ("seat", world.sitters["theory"].registration_ref)], safe="[").encode()
    wrong = []
    for rule, method in calls(world):
        asked = database_kind, rule.rule
        known = asked in _UNREAD and "\0" not in value  # a NUL is found whatever the address
        if method != "POST" or known:
            continue
        for url in paths(world, rule, acts_for(value)):
            form_was_read()
            answer = callers.ask(rule.endpoint, "POST", url, sent, kind=FORM)
            if answer.failed:
                wrong.append((url, answer.status))
            if answer.status == 404 and not form_was_read() and of_nothing(world, rule):
                _UNREAD.add(asked)
    assert wrong == []


@pytest.mark.parametrize("value", [NASTY[0], NASTY[2], NASTY[19], NASTY[21]])
def test_no_credential_is_a_500(world: World, value: str) -> None:
    second = {"second_login": value, "second_password": value}
    answers = [
        world.app.test_client().post("/staff/sign-in", data={"login": value, "password": value}),
        world.staff("admin").post("/staff/password", data={"old": value, "new": value, "again": value}),
        world.staff("chief_proctor").post(
            f"/proctor/rooms/{world.room_ref}/acts/hold", data={"reason": "x", **second}
        ),
    ]
    assert [answer.status_code for answer in answers if fails(answer)] == []


@ALIKE
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"\xed\xa0\x80", id="half a surrogate pair"),
        pytest.param(b"\xf4\x90\x80\x80", id="beyond the last character"),
        pytest.param(b"\xc0\xaf", id="an overlong slash"),
    ],
)
def test_no_bytes_in_addresses_and_forms_are_a_500(world: World, raw: bytes) -> None:
    callers, text = Callers(world), quote_from_bytes(raw)
    form = "&".join(f"{name}={text}" for name in FIELDS if name not in VERIFIED)
    wrong = []
    for rule, method in calls(world):
        for url in dict.fromkeys([_ARGUMENT.sub(text, rule.rule), *paths(world, rule, acts_for(raw))]):
            if method == "GET":
                sent = form if rule.endpoint in READ_A_QUERY else f"text={text}"
                answer = callers.ask(rule.endpoint, method, f"{url}?{sent}")
            else:
                answer = callers.ask(rule.endpoint, "POST", url, form.encode(), kind=FORM)
            if answer.failed:
                wrong.append((url, method, answer.status))
    assert wrong == []


BODIES = [
    pytest.param(b"", "application/json", id="nothing"),
    pytest.param(b"{", "application/json", id="half a brace"),
    pytest.param(b"null", "application/json", id="null"),
    pytest.param(b"[]", "application/json", id="a list"),
    pytest.param(b'"a"', "application/json", id="a text"),
    pytest.param(b"[" * 100_000, "application/json", id="100,000 brackets"),
    pytest.param(b'{"a":' * 50_000, "application/json", id="50,000 braces"),
    pytest.param(b"[" * 50_000 + b"]" * 50_000, "application/json", id="50,000 brackets, all closed"),
    pytest.param(b'{"epoch":' + DIGITS.encode() + b"}", "application/json", id="5,000 digits"),
    pytest.param(b'{"epoch":1e999999}', "application/json", id="a huge exponent"),
    pytest.param(b'{"epoch":NaN}', "application/json", id="not a number"),
    pytest.param(b'{"epoch":-1}', "application/json", id="a negative epoch"),
    pytest.param(b'{"epoch":true}', "application/json", id="an epoch that is true"),
    pytest.param(b'{"count":' + b"9" * 30 + b"}", "application/json", id="a count beyond 64 bits"),
    pytest.param(b'{"count":"\\ud800"}', "application/json", id="half a surrogate pair"),
    pytest.param(b'{"epoch":1,"entries":{}}', "application/json", id="entries that are a mapping"),
    pytest.param(b'{"epoch":1,"entries":[[]]}', "application/json", id="an entry that is a list"),
    pytest.param(b'{"keys":[{"attempt":"\\ud800","epoch":1,"seq":1}],"attempts":[]}', "application/json",
                 id="half a surrogate pair in a reference"),
    pytest.param(b'{"keys":[],"attempts":["\\udfff"]}', "application/json", id="the other half"),
    pytest.param(b'{"keys":[],"attempts":["a\\u0000b"]}', "application/json", id="NUL in a reference"),
    pytest.param(b'{"keys":1,"attempts":2}', "application/json", id="numbers for lists"),
    pytest.param(b'{"keys":{"a":1},"attempts":"abc"}', "application/json", id="a mapping for a list"),
    pytest.param(b"\xff\xfe{\x00}\x00", "application/json", id="UTF-16"),
    pytest.param(b"\xef\xbb\xbf{}", "application/json", id="a byte-order mark"),
    pytest.param(b"\xed\xa0\x80", "application/json", id="no UTF-8"),
    pytest.param(b"a=b", "application/x-www-form-urlencoded", id="a form"),
    pytest.param(b"--x", "multipart/form-data", id="parts without a border"),
    pytest.param(b"--x\r\nbroken", "multipart/form-data; boundary=x", id="broken parts"),
    pytest.param(b"{}", "text/plain", id="a text of another kind"),
    pytest.param(b"{}", "application/json; charset=utf-7", id="another encoding"),
    pytest.param(b"{}", "\xff", id="a kind that is none"),
]  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize(("body", "kind"), BODIES)
def test_no_body_is_a_500(callers: Callers, body: bytes, kind: str) -> None:
    world = callers.world
    wrong = []
    for rule, method in calls(world):
        if method != "POST" or not rule.rule.startswith(
            ("/attempts", "/seat", "/exam", "/sign-in", "/preferences")
        ):
            continue
        for url in paths(world, rule, ()):
            answer = callers.ask(rule.endpoint, "POST", url, body, kind=kind, lease="nobody")
            if answer.failed:
                wrong.append((url, answer.status))
    assert wrong == []


VALUES: list[Any] = [
    pytest.param("\0", id="NUL"),
    pytest.param("\ud800", id="half a surrogate pair"),
    pytest.param("A\udfff", id="the other half"),
    pytest.param(10**400, id="400 digits"),
    pytest.param(2**63, id="a number beyond 64 bits"),
    pytest.param(-1, id="a negative number"),
    pytest.param(1.5, id="half a number"),
    pytest.param(True, id="true"),
    pytest.param({}, id="a mapping"),
    pytest.param({"a": [{}]}, id="a mapping of lists"),
    pytest.param([], id="an empty list"),
    pytest.param([None] * 500, id="500 nulls"),
    pytest.param([["A"]], id="a list of lists"),
    pytest.param("x" * 100_000, id="100,000 letters"),
    pytest.param("1e999999", id="a huge exponent"),
    pytest.param("９" * 40, id="40 full-width digits"),
    pytest.param("\u202e<script>", id="a turn of direction and a script"),
]


@pytest.mark.parametrize("value", VALUES)
def test_no_value_of_a_save_is_a_500_and_the_paper_is_scored(world: World, value: Any) -> None:
    world.admit_all()
    world.start()
    wrong = []
    for name in ("theory", "skills"):
        page = Page(world, name)
        assert page.start().status_code == 200
        asked = [
            *(
                {"seq": 1, "kind": kind, "position": 1, "value": value}
                for kind in ("answer", "note", "mark", "strike", "flag")
            ),
            *({"seq": 1, "kind": kind, "position": 0, "value": value} for kind in ("setting", "event")),
            {"seq": 1, "kind": "event", "position": 0, "value": {"type": "blur", "at": value}},
            {"seq": 1, "kind": "setting", "position": 0, "value": {"size": value}},
            {"seq": value, "kind": "answer", "position": 1, "value": "A"},
            {"seq": 1, "kind": value, "position": 1, "value": "A"},
            {"seq": 1, "kind": "answer", "position": value, "value": "A"},
        ]
        for place, entry in enumerate(asked, 1):
            sent = entry | ({"seq": place} if entry["seq"] == 1 else {})
            for path, more in (
                ("answers", {}),
                ("advance", {"from_unit": value}),
                ("submit", {"pressed_at": value}),
            ):
                body = json.dumps({"epoch": page.epoch, "entries": [sent], **more}).encode()
                answer = page.client.post(
                    f"/attempts/{page.ref}/{path}", data=body, content_type="application/json",
                    headers={"X-CBT-Lease": page.lease},
                )  # fmt: skip
                if fails(answer):
                    wrong.append((path, sent["kind"], answer.status_code))
    assert wrong == []
    world.clock.set(PLANNED.replace(hour=PLANNED.hour + 3))
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
        score_closed(now=world.clock.now())
        with reading() as session:
            assert len(session.scalars(select(Score.id)).all()) == 2


@pytest.mark.parametrize(
    "pressed_at",
    [
        pytest.param("0001-01-01T00:00:00+14:00", id="before the calendar"),
        pytest.param("9999-12-31T23:59:59-14:00", id="after the calendar"),
        pytest.param("1970-01-01T00:00:00+00:00", id="a machine without a clock"),
        pytest.param("2026-11-24T09:31:00", id="without a zone"),
        pytest.param("noon", id="a word"),
        pytest.param(10**30, id="a number"),
        pytest.param("\ud800", id="half a surrogate pair"),
    ],
)
def test_a_paper_is_handed_in_whatever_its_clock_says(world: World, pressed_at: object) -> None:
    world.admit_all()
    world.start()
    page = Page(world, "theory")
    page.start()
    world.clock.set(PLANNED.replace(minute=40))
    assert page.send(path="submit", pressed_at=pressed_at).status_code == 200


COOKIES = [
    pytest.param('"\\000"', id="NUL"),
    pytest.param('"\\377\\376"', id="no UTF-8"),
    pytest.param("x" * 1000, id="1,000 letters"),
    pytest.param("a.b.c", id="a signature that is none"),
    pytest.param("\u00ff", id="a letter beyond ASCII"),
    pytest.param("", id="nothing"),
]


@pytest.mark.once
@pytest.mark.parametrize("cookie", COOKIES)
@pytest.mark.parametrize("name", ["cbt", "cbt_machine", "locale", "theme"])
def test_no_cookie_is_a_500(world: World, name: str, cookie: str) -> None:
    client = world.app.test_client(use_cookies=False)
    headers = {"Cookie": f"{name}={cookie}"}
    answers = [
        client.get("/", headers=headers),
        client.get("/staff", headers=headers),
        client.post("/sign-in", data={"ticket": "261100010001", "document": "00001X"}, headers=headers),
        client.post("/seat/bind", data={"room_code": world.room_code, "number": "1"}, headers=headers),
        client.post("/staff/sign-in", data={"login": "admin", "password": "x"}, headers=headers),
        client.post(f"/attempts/{world.sitters['theory'].attempt_ref}/start", json={}, headers=headers),
    ]
    assert [answer.status_code for answer in answers if fails(answer)] == []


# Where a page leads.

AWAY = [
    pytest.param("/\r\nSet-Cookie: a=b", id="a header of its own"),
    pytest.param("/\nx", id="a line feed"),
    pytest.param("/\rx", id="a carriage return"),
    pytest.param("/\t/example.org", id="a tab that browsers leave out"),
    pytest.param("/\n/example.org", id="a line feed that browsers leave out"),
    pytest.param("//example.org", id="another site"),
    pytest.param("///example.org", id="three slashes"),
    pytest.param("/\\example.org", id="a backslash"),
    pytest.param("/a\\..\\b", id="a backslash within"),
    pytest.param("https://example.org/", id="an address"),
    pytest.param("javascript:alert(1)", id="a script"),
    pytest.param("example.org", id="a name"),
    pytest.param("\\\\example.org", id="two backslashes"),
    pytest.param(" /staff", id="a blank before it"),
    pytest.param("/ /example.org", id="a blank within"),
    pytest.param("/\u2028", id="a line separator"),
    pytest.param("/\u202e", id="a turn of direction"),
    pytest.param("/\x00", id="NUL"),
    pytest.param("/\x85", id="a next line"),
    pytest.param("/" + "x" * LONGEST_TARGET, id="a long one"),
    pytest.param("", id="nothing"),
    pytest.param(None, id="none at all"),
]


@pytest.mark.parametrize("target", AWAY)
def test_a_target_is_a_path_of_this_site(target: str | None) -> None:
    assert local_target(target, "/home") == "/home"


@pytest.mark.parametrize(
    "target", ["/", "/staff", "/bank/x?text=%E5%AE%A2&page=2", "/office/sittings/si-1#top", "/题库"]
)
def test_a_path_of_this_site_is_kept(target: str) -> None:
    assert local_target(target, "/home") == target


@pytest.mark.once
@pytest.mark.parametrize("target", AWAY)
def test_signing_in_and_preferences_lead_nowhere_else(callers: Callers, target: str | None) -> None:
    sent = {"next": target or "", "locale": "en"}
    world = callers.world
    answer = world.app.test_client().post("/preferences", data=sent)
    asked = world.app.test_client().get("/staff/sign-in", query_string=sent)
    assert (answer.status_code, asked.status_code) in {(303, 200), (422, 422)}
    assert answer.status_code == 422 or answer.location == "/"
    assert "example.org" not in asked.text


# Numbers.


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("0", 0, id="zero"),
        pytest.param("00012", None, id="more digits than the largest"),
        pytest.param("1000", 1000, id="the largest"),
        pytest.param("1001", None, id="one more"),
        pytest.param(DIGITS, None, id="5,000 digits"),
        pytest.param("-1", None, id="negative"),
        pytest.param("+1", None, id="with a sign"),
        pytest.param("1.0", None, id="with a point"),
        pytest.param("1e3", None, id="with an exponent"),
        pytest.param("1_0", None, id="with an underscore"),
        pytest.param(" 1", None, id="with a blank"),
        pytest.param("²", None, id="a power"),
        pytest.param("１", None, id="full-width"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_whole_number_has_no_more_digits_than_it_may(text: str, found: int | None) -> None:
    assert whole_number(text, most=1000) == found
    assert page_of({"page": text}) == (
        found if found else 12 if text == "00012" else 1001 if text == "1001" else 1
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1e999999", id="a huge exponent"),
        pytest.param("1e-999999", id="a tiny exponent"),
        pytest.param("0e999999999", id="zero with an exponent"),
        pytest.param("1e61", id="one place too many"),
        pytest.param("1" * 61, id="one digit too many"),
        pytest.param(DIGITS, id="5,000 digits"),
        pytest.param("NaN", id="not a number"),
        pytest.param("sNaN", id="a signalling one"),
        pytest.param("Infinity", id="infinity"),
        pytest.param("-Infinity", id="less than everything"),
        pytest.param("1e99999999999999999999", id="an exponent beyond every exponent"),
        pytest.param("", id="nothing"),
        pytest.param("十", id="a word"),
    ],
)
def test_a_number_without_measure_is_no_key_and_no_answer(text: str) -> None:
    assert number(text) is None
    assert number_key(text) is None
    assert read_number(text) is None
    item = {"type": "numeric", "point": "A", "stem": "{{1}}", "answer": text}
    with pytest.raises(InvalidInput):
        parse_content(item)


def test_the_widest_number_is_kept() -> None:
    assert number("1e60") == Decimal(10) ** 60
    assert number(10 ** (sys.get_int_max_str_digits() + 1)) is None


@pytest.mark.parametrize(
    "stem",
    [
        pytest.param("{{" + DIGITS + "}}", id="5,000 digits"),
        pytest.param("{{99999}}", id="five digits"),
        pytest.param("{{0}}", id="zero"),
        pytest.param("{{²}}", id="a power"),
    ],
)
def test_a_blank_of_such_a_number_is_refused(stem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_content({"type": "fill_blank", "point": "A", "stem": stem, "answer": [["a"]]})
    assert refused.value.code == "item.blanks"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"a = {DIGITS}", id="5,000 digits"),
        pytest.param("a = " + "[" * 5000, id="5,000 brackets"),
        pytest.param("a = 1e999999", id="a huge exponent"),
        pytest.param("a = nan", id="not a number"),
        pytest.param("\0", id="NUL"),
        pytest.param("[papers.theory]\npoints = 1e999999", id="points without measure"),
        pytest.param("[papers.theory]\nminutes = 1e999999", id="minutes without measure"),
    ],
)
def test_a_blueprint_of_such_numbers_is_refused(text: str) -> None:
    found, wrong = read_blueprint(text)
    assert found is None
    assert wrong


@pytest.mark.once
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0001-01-01T00:00", id="the first day"),
        pytest.param("9999-12-31T23:59", id="the last day"),
        pytest.param("1999-12-31T23:59", id="long ago"),
        pytest.param("2026-11-24T24:00", id="an hour too many"),
        pytest.param("2026-02-30T09:00", id="a day that is none"),
        pytest.param("２０２６-11-24T09:00", id="full-width digits"),
        pytest.param(DIGITS, id="5,000 digits"),
        pytest.param("", id="nothing"),
    ],
)
def test_an_instant_outside_the_calendar_is_refused(callers: Callers, text: str) -> None:
    with callers.world.app.app_context(), pytest.raises(InvalidInput) as refused:
        parse_local({"start": text}, "start")
    assert refused.value.code == "input.instant"


@pytest.mark.parametrize("text", [DIGITS, "²", "１２", "1e3", "-1", "1.5", "", "1 2", "0x10"])
def test_a_field_for_a_number_takes_nothing_else(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_number({"seats": text}, "seats", minimum=1, maximum=200)
    assert refused.value.code == "input.number"


@pytest.mark.once
@pytest.mark.parametrize(
    "name", [*OF_FLASK, pytest.param("page", id="page"), pytest.param("x" * 2000, id="a long name")]
)
def test_a_search_that_names_parts_of_the_routing_is_a_search(callers: Callers, name: str) -> None:
    """The links to other pages of a long list carry the search on: its names once went into `url_for`."""
    answer = callers.of("bank.bank").get(
        "/bank/customer-service-l3", query_string={name: "https", "text": "客户"}
    )
    assert answer.status_code == 200
