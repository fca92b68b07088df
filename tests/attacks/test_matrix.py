"""URL × role × other people's objects: every rule of the URL map is a case, with objects that exist.

Who may call a view is read from the view itself and held against what the server does. A new page is in here
by itself; it is refused to everybody until it says who may call it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from werkzeug.test import TestResponse

from cbt.http.auth.access import Access
from cbt.proctoring.act import ActScope
from cbt.proctoring.acts.registry import ACTS
from cbt.rules.roles import Role
from tests.attacks.briefly import leave_no_entry, tell_briefly
from tests.attacks.stages import CALLERS, INTRUDER, NOBODY, Endpoint, Stage, endpoints, shown
from tests.delivery.driver import Page
from torture.judging.leaks import holds_any, leaks

pytestmark = pytest.mark.usefixtures("files_read_here", "logins_known")

ALL = endpoints()
ASKED = [one for one in ALL if one.access.kind in {"staff", "candidate"}]
CHANGING = [one for one in ALL if one.method != "GET"]
FORMS = [one for one in CHANGING if one.access.kind != "lease"]
OF_STAFF = [one for one in CHANGING if one.access.kind == "staff"]
LEASED = [one for one in ALL if one.access.kind == "lease"]
READ = [one for one in ALL if one.method == "GET"]
ANYBODYS = {"accounts.sign_out", "accounts.password"}
"""What every member of the staff does for themselves, an inspector too."""
NOTED = {"inspecting.comment"}
"""What an inspector writes about a room; the room itself stays as it is."""
OWN_RECORD = ("/staff/", "/approvals")
"""Where staff look after their own sign-in."""
OWN_AFFAIRS = {"candidate": ("/exam/wait/state", 200)}
"""What is answered like this to nobody else: it says that somebody is still signed in."""
OF_ALL_STAFF = ("/staff/kept/nobody", 404)
"""The same for staff: nothing was kept of theirs, and whoever is not signed in is led away."""
KEYS_SHOWN_TO = {"author", "reviewer"}
"""Who writes and checks items sees their keys (R-62)."""


@pytest.fixture(scope="module", autouse=True)
def _refused_briefly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        tell_briefly(patched)
        leave_no_entry(patched)
        yield


def cases(chosen: list[Endpoint]) -> list[object]:
    return [pytest.param(one, id=str(one)) for one in chosen]


def admits(access: Access, caller: str) -> bool:
    if caller == "unsigned":
        return False
    if caller == "candidate":
        return access.kind == "candidate"
    return access.kind == "staff" and (not access.roles or Role(caller) in access.roles)


def turned_away(reply: TestResponse) -> bool:
    """Whether a caller was refused, or sent to sign in."""
    if reply.status_code == 303:
        return reply.location == "/" or str(reply.location).startswith("/staff/sign-in")
    return reply.status_code == 403


def hold_that_nothing_is_told(stage: Stage, caller: str, reply: TestResponse) -> None:
    """Hold that a reply about objects of `second` has nothing in it that whoever asked may not learn."""
    assert reply.status_code < 500
    said = shown(reply)
    assert not any(number in said for number in stage.documents), (caller, "a full document number")
    assert not any(key in said for key in stage.key_files), (caller, "a key of the installation")
    assert "$argon2" not in said, (caller, "a password's hash")
    assert reply.mimetype != "text/html" or "<!--" not in said, (caller, "a comment")
    if caller not in KEYS_SHOWN_TO:
        assert not holds_any(said, stage.secrets.explanations), (caller, "an explanation")
    if caller in {"unsigned", "candidate"}:
        assert leaks(reply.get_data(), stage.secrets) == [], caller
    if caller == "proctor_elsewhere":
        inside = [one.name for name, one in stage.world.sitters.items() if name != "elsewhere"]
        assert not any(name in said for name in inside), (caller, "a candidate of another room")


def test_every_view_says_who_may_call_it() -> None:
    assert [str(one) for one in ALL if one.access.kind == "silent"] == []
    assert len(ALL) >= 85


@pytest.mark.parametrize("endpoint", cases(ASKED))
def test_the_server_refuses_whom_the_view_does_not_admit(stage: Stage, endpoint: Endpoint) -> None:
    """And the refusal tells nothing of what it refuses."""
    before, wrong = stage.exam(), []
    url = stage.url(endpoint, "second")
    for caller in CALLERS:
        if not admits(endpoint.access, caller):
            reply = stage.send(stage.client(caller), endpoint, url)
            if not turned_away(reply):
                wrong.append((caller, reply.status_code, reply.location))
            hold_that_nothing_is_told(stage, caller, reply)
    assert wrong == []
    assert stage.exam() == before


@pytest.mark.parametrize("endpoint", cases([one for one in ASKED if one.name != "accounts.sign_out"]))
def test_the_server_lets_in_whom_the_view_admits(stage: Stage, endpoint: Endpoint) -> None:
    """About objects that do not exist: whoever is admitted meets a 404 or a refused form, never a 403 or 500."""
    asked = [caller for caller in CALLERS if admits(endpoint.access, caller)]
    wrong = []
    ended = stage.logins_ended()
    for caller in asked:
        reply = stage.send(stage.client(caller), endpoint, stage.url_of_nothing(endpoint))
        if reply.status_code == 403 or reply.status_code >= 500 or "sign-in" in (reply.location or ""):
            wrong.append((caller, reply.status_code, reply.location))
    if stage.logins_ended() != ended:
        stage.forget_clients()  # whoever changes their password or ends their other logins ended these
    assert asked
    assert wrong == []


@pytest.mark.parametrize("endpoint", cases(OF_STAFF))
def test_the_inspector_reads_all_and_changes_nothing(stage: Stage, endpoint: Endpoint) -> None:
    if Role.INSPECTOR in endpoint.access.roles or not endpoint.access.roles:
        # Their own password, sign-in and sessions are the only things of an inspector's.
        assert endpoint.name in ANYBODYS | NOTED or endpoint.rule.startswith(OWN_RECORD), (
            "a view for inspectors changes"
        )
        return
    before = stage.exam()
    reply = stage.send(stage.client("inspector"), endpoint, stage.url(endpoint, "second"))
    assert reply.status_code == 403
    assert stage.exam() == before


@pytest.mark.parametrize("endpoint", cases(FORMS))
def test_nothing_that_changes_is_done_without_a_form_token(
    stage: Stage, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may do it, about objects that exist, with every field an attacker's page could send."""
    monkeypatch.setitem(stage.app.config, "WTF_CSRF_ENABLED", True)
    before = stage.exam()
    who = next((caller for caller in CALLERS if admits(endpoint.access, caller)), "unsigned")
    owner = INTRUDER if who == "candidate" else "second"
    for sent in ({"data": {"reason": "x", "agree": "1"}}, {"json": {"count": 1}}):
        reply = stage.send(stage.client(who), endpoint, stage.url(endpoint, owner), **sent)
        assert reply.status_code == 400
    if who != "unsigned":
        url, status = OWN_AFFAIRS.get(who, OF_ALL_STAFF)
        assert stage.client(who).get(url).status_code == status
    assert stage.exam() == before


LEASES: dict[str, Callable[[Stage], dict[str, str]]] = {
    "no lease": lambda _: {},
    "an empty lease": lambda _: {"X-CBT-Lease": ""},
    "an invented lease": lambda _: {"X-CBT-Lease": "A" * 43},
    "another candidate's lease": lambda stage: {"X-CBT-Lease": stage.pages["theory"].lease},
    "the lease of another room": lambda stage: {"X-CBT-Lease": stage.pages["elsewhere"].lease},
    "the lease's hash": lambda stage: {"X-CBT-Lease": stored_lease(stage)},
    "a bearer token": lambda stage: {"Authorization": f"Bearer {stage.pages['second'].lease}"},
}


def stored_lease(stage: Stage) -> str:
    """Return what the database keeps of the owner's lease."""
    columns = [one for one in stage.exam()["attempt"] if stage.pages["second"].ref in one]
    return next(str(value) for value in columns[0] if isinstance(value, str) and len(value) == 64)


@pytest.mark.parametrize("sent", [pytest.param(make, id=name) for name, make in LEASES.items()])
@pytest.mark.parametrize("endpoint", cases(LEASED))
def test_a_paper_is_opened_by_its_own_lease_alone(
    stage: Stage, endpoint: Endpoint, sent: Callable[[Stage], dict[str, str]]
) -> None:
    before, owner = stage.exam(), stage.pages["second"]
    body = {"epoch": owner.epoch, "from_unit": 1, "entries": [owner.entry(3, "B")]}
    more = {"json": body} if endpoint.method == "POST" else {}
    url = stage.url(endpoint, "second")
    for client in (stage.client("unsigned"), stage.client("candidate"), stage.pages["theory"].client):
        reply = stage.send(client, endpoint, url, headers=sent(stage), **more)
        assert reply.status_code in {400, 403, 404, 409}
        assert '"clock"' not in reply.text
        assert stage.world.sitters["second"].name not in shown(reply)
        assert not holds_any(shown(reply), stage.secrets.explanations)
    assert stage.exam() == before


@pytest.mark.parametrize("whose", ["second", "elsewhere"])
@pytest.mark.parametrize(
    "endpoint", cases([one for one in ASKED if one.access.kind == "candidate" and one.arguments])
)
def test_a_candidate_does_not_find_another_candidates_paper(
    stage: Stage, endpoint: Endpoint, whose: str
) -> None:
    before = stage.exam()
    reply = stage.send(stage.client("candidate"), endpoint, stage.url(endpoint, whose))
    assert reply.status_code == 404
    assert leaks(reply.get_data(), stage.secrets) == []
    assert stage.exam() == before


OF_A_ROOM = [one for one in ASKED if Role.PROCTOR in one.access.roles and one.arguments]
ACT_FIELDS = {
    "minutes": "5", "reason": "x", "reason_code": "network", "text": "x", "document_type": "resident_id",
    "last_four": "0001", "violation": "1", "confirmed": "1", "kind": "general",
}  # fmt: skip
CODES = tuple(ACTS)


@pytest.mark.parametrize("endpoint", cases(OF_A_ROOM))
def test_a_proctor_finds_no_room_they_are_not_assigned_to(stage: Stage, endpoint: Endpoint) -> None:
    before, client = stage.exam(), stage.client("proctor_elsewhere")
    for code in CODES if "code" in endpoint.arguments else ("",):
        sent = {"data": ACT_FIELDS} if endpoint.name == "proctoring.act" else {}
        reply = stage.send(client, endpoint, stage.url(endpoint, "second", code=code), **sent)
        assert reply.status_code in ({404, 422} if code else {404}), code  # a form may be refused first
        assert not any(one in shown(reply) for one in stage.people)
    assert stage.exam() == before


@pytest.mark.parametrize("endpoint", cases([one for one in OF_A_ROOM if "ref" in one.arguments]))
def test_a_proctor_finds_no_candidate_of_another_room(stage: Stage, endpoint: Endpoint) -> None:
    """Their own room in the URL does not open another room's candidate."""
    reply = stage.send(stage.client("proctor"), endpoint, stage.url(endpoint, "elsewhere"))
    assert reply.status_code == 404
    assert stage.world.sitters["elsewhere"].name not in shown(reply)


@pytest.mark.parametrize("code", [code for code, act in ACTS.items() if act.scope is not ActScope.ROOM])
def test_an_act_reaches_no_candidate_of_another_room(stage: Stage, code: str) -> None:
    before = stage.exam()
    other = stage.world.sitters["elsewhere"].registration_ref
    url = f"/proctor/rooms/{stage.world.room_ref}/acts/{code}"
    for role in ("proctor", "chief_proctor"):
        reply = stage.client(role).post(url, data={"seat": [other], **ACT_FIELDS})
        assert reply.status_code in {403, 404, 409, 422}
        seen = shown(stage.client(role).get(url, query_string={"seat": other}))
        assert stage.world.sitters["elsewhere"].name not in seen
    assert stage.exam() == before


@pytest.mark.parametrize(
    "endpoint",
    cases(
        [one for one in ASKED if {"draft", "draft_ref"} & one.arguments and not one.rule.startswith("/unit/")]
    ),
)
def test_a_draft_is_its_makers_alone(stage: Stage, endpoint: Endpoint) -> None:
    before = stage.exam()
    reply = stage.send(stage.colleague(), endpoint, stage.url(endpoint))
    assert reply.status_code in {303, 404}
    maker = stage.client("author" if "draft_ref" in endpoint.arguments else "officer")
    if endpoint.method == "GET":
        assert reply.status_code == 404
        assert stage.send(maker, endpoint, stage.url(endpoint)).status_code != 404
    assert stage.exam() == before


@pytest.mark.parametrize("endpoint", cases(READ))
def test_no_page_tells_whoever_asks_what_is_not_theirs(stage: Stage, endpoint: Endpoint) -> None:
    """Every page, asked about real objects: what its reader may not learn is not in it.

    Whom its view does not admit has asked for the same page in the case above that holds the refusal.
    """
    refused = endpoint.access.kind in {"staff", "candidate"}
    for caller in [*CALLERS, "proctor_elsewhere"]:
        if caller in CALLERS and refused and not admits(endpoint.access, caller):
            continue
        reply = stage.send(stage.client(caller), endpoint, stage.url(endpoint, "second"))
        hold_that_nothing_is_told(stage, caller, reply)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "BREW"])
def test_a_method_that_no_page_has_does_nothing(stage: Stage, method: str) -> None:
    before, answered = stage.exam(), []
    for url in dict.fromkeys(map(stage.url, ALL)):
        reply = stage.client("admin").open(url, method=method)
        if reply.status_code not in {405, 404}:
            answered.append((url, reply.status_code))
    assert answered == []
    assert stage.exam() == before


def test_a_view_that_says_nothing_is_refused_to_everybody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(stage.app.view_functions, "preferences.save", lambda: "open")
    assert stage.client("unsigned").post("/preferences").status_code == 404
    assert stage.client("admin").post("/preferences").status_code == 404


@pytest.mark.parametrize(("caller", "status"), [("officer", 404), ("unsigned", 303), ("candidate", 303)])
def test_what_was_kept_tells_who_is_signed_in(stage: Stage, caller: str, status: int) -> None:
    """What the cases about form tokens go by."""
    reply = stage.client(caller).get(OF_ALL_STAFF[0], headers={"Accept": "text/html"})
    assert reply.status_code == status


def test_a_browser_that_left_finds_nothing(stage: Stage) -> None:
    """The cookie of a login that was ended by its own sign-out opens no page."""
    client = stage.fresh("officer")
    kept = client.get_cookie("cbt_staff")
    assert kept is not None
    assert client.post("/staff/sign-out").status_code == 303
    client.set_cookie("cbt_staff", kept.value)
    assert turned_away(client.get("/office/batches"))


def test_the_owner_still_writes_after_all_of_this(stage: Stage) -> None:
    """The attacks above changed nothing because they were refused, not because nothing works."""
    page: Page = stage.pages["second"]
    assert page.answer(2, "A").status_code == 200


def test_the_refs_of_the_stage_are_found_by_their_owners(stage: Stage) -> None:
    """The cases above ask about things that exist: whoever may see them does."""
    readers: dict[str, str] = {
        "/office/": "officer",
        "/bank": "author",
        "/proctor": "proctor",
        "/staff/lists/": "officer",
        "/staff": "admin",
    }
    missing = []
    for endpoint in READ:
        role = next((role for start, role in readers.items() if endpoint.rule.startswith(start)), None)
        if role is None or NOBODY in stage.url(endpoint) or not endpoint.arguments:
            continue
        if endpoint.rule.endswith("/again.pdf"):
            stage.change_tickets()
        if stage.send(stage.client(role), endpoint, stage.url(endpoint, "second")).status_code in {403, 404}:
            missing.append(str(endpoint))
    assert missing == []
