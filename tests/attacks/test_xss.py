"""What people type stays text: on every page that shows it, in the paper's JSON, in what authors write.

A page with a payload in every text it shows must have the very tags and attributes of the same page with a
plain word there.
"""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from cbt.accounts.models import Staff
from cbt.bank import store
from cbt.candidates.models import Candidate, Registration
from cbt.items import markup
from cbt.items.models import Item, ItemBank, ItemVersion, KnowledgePoint
from cbt.paths import product_dir
from cbt.proctoring.models import Incident
from cbt.rules.canonical import canonical_json, digest
from cbt.runner.models import Message
from cbt.sittings.models import Batch, Centre, Room, Sitting
from cbt.storage.unit_of_work import unit_of_work
from tests.attacks.payloads import MARK, XSS, leads, parsed, skeleton
from tests.attacks.stages import BANK, Stage
from tests.bank.sheets import truth, workbook
from tests.candidates.rosters import HEADERS, row, xlsx
from tests.conftest import Templates, installation
from tests.delivery.driver import Page
from tests.file_jobs import work_on
from tests.helpers import FakeClock
from tests.proctoring.desk import Desk, done
from tests.world import START, World

pytestmark = pytest.mark.usefixtures("files_read_here", "logins_known")

CASES = [pytest.param(payload, id=name) for name, payload in XSS.items()]
PLAIN = f"普通文字{MARK}"
SAFE = {"p", "br", "strong", "em", "ol", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "span"}


skeleton_once, parsed_once = cache(skeleton), cache(parsed)
"""Of the pages that all others are held against."""
WORDS = {"reason", "text", "note", "who", "names"}
"""What a person typed in a line of the room's log."""


def plant(stage: Stage, text: str) -> None:
    """Have every free text of the stage say `text`, as if it had come past every check."""
    with stage.app.app_context(), unit_of_work() as session:
        for model, column, most in (
            (Candidate, "name", 60), (Candidate, "employer", 120), (Staff, "name", 60), (Batch, "name", 120),
            (Centre, "name", 120), (Centre, "address", 200), (Sitting, "name", 120),
            (Registration, "eligibility", 200), (Registration, "note", 2000),
            (Registration, "accommodation_note", 2000), (Message, "text", 2000), (ItemBank, "name", 120),
            (KnowledgePoint, "name", 120),
        ):  # fmt: skip
            session.execute(update(model).values({column: text[:most]}))
        for room in session.scalars(select(Room)):
            room.name = f"{text[:55]}{room.id}"  # one name of each in a centre
        for line in session.scalars(select(Incident)):
            params = json.loads(line.params)
            line.params = canonical_json(params | dict.fromkeys(WORDS & params.keys(), text))


PAGES: dict[str, tuple[str, str]] = {
    "staff home": ("officer", "/staff"),
    "staff list": ("admin", "/staff/people"),
    "staff person": ("admin", "/staff/people/{person}"),
    "audit log": ("officer", "/audit"),
    "batches": ("officer", "/office/batches"),
    "batch": ("officer", "/office/batches/{batch}"),
    "new sitting": ("officer", "/office/batches/{batch}/sittings/new"),
    "centres": ("officer", "/office/centres"),
    "centre": ("officer", "/office/centres/{centre}"),
    "room of a centre": ("officer", "/office/rooms/{room}"),
    "sitting": ("officer", "/office/sittings/{sitting}"),
    "prints": ("officer", "/office/sittings/{sitting}/print"),
    "roster upload": ("officer", "/office/batches/{batch}/roster"),
    "registration": ("officer", "/office/registrations/{registration}"),
    "proctor's rooms": ("proctor", "/proctor"),
    "board": ("proctor", "/proctor/rooms/{sitting_room}"),
    "board as a list": ("proctor", "/proctor/rooms/{sitting_room}?view=list"),
    "board's fragment": ("proctor", "/proctor/rooms/{sitting_room}/live"),
    "a candidate at the board": ("proctor", "/proctor/rooms/{sitting_room}/seats/{registration}"),
    "preview of an act": ("proctor", "/proctor/rooms/{sitting_room}/acts/suspend?seat={registration}"),
    "recovery upload": ("proctor", "/proctor/rooms/{sitting_room}/recovery"),
    "results": ("officer", "/results"),
    "score sheet": ("officer", "/results/{sitting}"),
    "the office's days": ("officer", "/office/holidays"),
    "the office's majors": ("officer", "/office/majors?occupation=x"),
    "retention": ("officer", "/office/retention?list=later"),
    "own data": ("officer", "/office/retention/people"),
    "retention of a batch": ("officer", "/office/retention/batches/{batch}"),
    "upload files of certificates": ("officer", "/office/certificates/uploads"),
    "result tables": ("officer", "/results/tables"),
    "columns of a result table": ("officer", "/results/tables/new"),
    "results on display": ("officer", "/results/{sitting}/publicity"),
    "lists of everybody": ("unsigned", "/publicity"),
    "late answers": ("officer", "/results/{sitting}/late"),
    "retakes": ("officer", "/results/retakes/{batch}"),
    "rights to retake": ("officer", "/results/rights/{batch}"),
    "make-up ledger": ("officer", "/office/retakes"),
    "banks": ("author", "/bank"),
    "bank": ("author", f"/bank/{BANK}"),
    "seat page": ("theory", "/"),
    "answer page": ("theory", "/exam/{attempt}"),
    "waiting room's signal": ("theory", "/exam/wait/state"),
}
SHOWING = {
    "staff home", "staff list", "batches", "batch", "centres", "sitting", "prints",
    "registration", "proctor's rooms", "board", "board's fragment", "a candidate at the board", "banks",
    "answer page", "preview of an act",
}  # fmt: skip
"""Pages that surely show one of the planted texts."""
ECHOES = {
    "audit search": ("officer", "/audit?act={text}&subject={text}"),
    "bank search": ("author", f"/bank/{BANK}?text={{text}}&point={{text}}"),
    "free days": (
        "officer",
        "/office/applications/calendar?month={text}&day={text}&level={text}&unit={text}",
    ),
    "choice of an upload file": (
        "officer",
        "/office/certificates/uploads?mapping={text}&batch={text}&since={text}&until={text}",
    ),
    "choice of a result table": ("officer", "/results/tables?mapping={text}&of={text}"),
    "board's view": ("proctor", "/proctor/rooms/{sitting_room}?view={text}&show={text}"),
    "sign-in's target": ("unsigned", "/staff/sign-in?next=/{text}"),
    "a page that is not there": ("unsigned", "/nothing?q={text}"),
}


def fetch(stage: Stage, who: str, path: str, **more: str) -> str:
    """Return a page's HTML."""
    world = stage.world
    sitter = world.sitters["theory"]
    url = path.format(
        person=world.people["proctor"].ref, batch=world.batch_ref, centre=stage.centre_ref, room=stage.room,
        sitting=world.sitting_ref, registration=sitter.registration_ref, sitting_room=world.room_ref,
        attempt=sitter.attempt_ref, **more,
    )  # fmt: skip
    client = stage.pages[who].client if who in stage.pages else stage.client(who)
    reply = client.get(url, headers={"Accept": "text/html"})
    assert reply.status_code in {200, 404, 409}
    return reply.get_data(as_text=True)


@pytest.fixture(scope="module")
def plain(stage: Stage) -> dict[str, str]:
    """Every page while all texts are plain words."""
    desk = Desk(stage.world)
    done(desk.act("remind", "second", text="看好自己的屏幕"))
    done(desk.act("violation", "second", code="noise", reason="大声说话"))
    plant(stage, PLAIN)
    return {name: fetch(stage, *page) for name, page in PAGES.items()}


@pytest.fixture(scope="module")
def echoed(stage: Stage) -> dict[str, str]:
    """Every page that repeats something of its address, with a plain word there."""
    return {name: fetch(stage, who, path, text=f"x{MARK}") for name, (who, path) in ECHOES.items()}


@pytest.mark.parametrize("payload", CASES)
def test_a_text_stays_text_on_every_page(stage: Stage, plain: dict[str, str], payload: str) -> None:
    plant(stage, payload)
    for name, page in PAGES.items():
        shown = fetch(stage, *page)
        if skeleton(shown) == skeleton_once(plain[name]) and not leads(shown):
            continue
        found = parsed(shown)
        assert found.tags == parsed_once(plain[name]).tags, name
        assert found.comments == [], name
        for tag, attribute, value in found.values:
            assert MARK not in value or attribute not in {"href", "src", "action", "id", "class"}, (name, tag)


@pytest.mark.parametrize("name", sorted(SHOWING))
def test_the_page_does_show_the_text(stage: Stage, name: str) -> None:
    """The cases above looked at pages that show what was typed, letter by letter."""
    typed = XSS["image that fails"]
    plant(stage, typed)
    page = fetch(stage, *PAGES[name])
    found = parsed(page)
    shown = [*found.texts, *(value for _, _, value in found.values)]
    assert any(MARK in one for one in shown)
    assert typed not in page


@pytest.mark.parametrize("payload", CASES)
@pytest.mark.parametrize("name", list(ECHOES))
def test_an_address_is_not_shown_as_markup(
    stage: Stage, echoed: dict[str, str], name: str, payload: str
) -> None:
    who, path = ECHOES[name]
    shown = fetch(stage, who, path, text=quote(payload, safe=""))
    if skeleton(shown) == skeleton_once(echoed[name]) and "<!--" not in shown:
        return
    found = parsed(shown)
    assert found.tags == parsed_once(echoed[name]).tags
    assert found.comments == []


@pytest.mark.parametrize("payload", CASES)
def test_an_author_cannot_bring_in_markup(payload: str) -> None:
    for made in (
        markup.to_html(payload),
        markup.inline(payload),
        markup.inline(f"|{payload}|\n|---|\n|{payload}|"),
    ):
        found = parsed(made)
        assert {tag for tag, _ in found.tags} <= SAFE
        assert all(names in ((), ("data-blank",)) for _, names in found.tags)
        assert found.comments == []


@pytest.mark.parametrize("payload", CASES)
def test_an_item_with_a_payload_reaches_the_paper_as_text(stage: Stage, payload: str) -> None:
    """The bank's row is changed past every check; what the candidate's page gets holds safe elements only."""
    poison(stage, payload)
    stage.world.clock.advance(timedelta(seconds=21))  # the former browser is silent for long enough
    page = Page(stage.world, "theory")
    opened = page.start()
    assert opened.status_code == 200
    texts = [one for one in strings(opened.get_json()["paper"]) if MARK in one]
    assert len(texts) > 100
    for one in texts:
        found = parsed(one)
        assert {tag for tag, _ in found.tags} <= SAFE
        assert all(names in ((), ("data-blank",)) for _, names in found.tags)


@pytest.mark.parametrize("payload", CASES)
def test_an_item_with_a_payload_is_shown_to_its_author_as_text(stage: Stage, payload: str) -> None:
    """Stem, choices, key and explanation on the one page that puts rendered text into a template."""
    poison(stage, payload)
    found = parsed(fetch(stage, "author", f"/bank/{BANK}/items/A-A-A-001-T1"))
    assert any(MARK in text for text in found.texts)
    assert found.comments == []
    assert not {tag for tag, _ in found.tags} & {"iframe", "object", "embed", "base", "style", "math", "img"}
    assert not [name for _, names in found.tags for name in names if name.startswith(("on", "hx-", "style"))]
    assert all(
        value.startswith("/static/") for tag, name, value in found.values if (tag, name) == ("script", "src")
    )
    assert all(names for tag, names in found.tags if tag == "script")


def poison(stage: Stage, payload: str) -> None:
    """Put a payload into stem and choices of every item of the theory bank."""
    with stage.app.app_context(), unit_of_work() as session:
        query = select(ItemVersion).join(Item).join(ItemBank).where(ItemBank.ref == BANK)
        for version in session.scalars(query):
            content = json.loads(version.content)
            content["stem"] = content["explanation"] = payload
            if content.get("choices"):
                content["choices"] = [f"{payload}{place}" for place in range(len(content["choices"]))]
            version.content = canonical_json(content)
            version.sha256 = digest(version.content)
    store._caches.clear()
    stage.app.extensions["cbt_openings"].papers._known.clear()


def strings(value: object) -> Iterator[str]:
    """Yield every text of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


FORMS = {
    "a staff login that is refused": ("unsigned", "/staff/sign-in", {"login": "{text}", "password": "x"}),
    "a seat that is refused": ("unsigned", "/seat/bind", {"room_code": "{text}", "number": "{text}"}),
    "a ticket that is refused": ("unsigned", "/sign-in", {"ticket": "{text}", "document": "{text}"}),
    "results that are refused": ("unsigned", "/my/results", {"ticket": "{text}", "document": "{text}"}),
    "a new person that is refused": ("admin", "/staff/people", {"login": "{text}", "name": "{text}"}),
    "a new batch that is refused": ("officer", "/office/batches", {"name": "{text}" * 60}),
    "a day of the office that is refused": (
        "officer",
        "/office/holidays",
        {"day": "{text}", "reason": "{text}"},
    ),
    "a major that is refused": (
        "officer",
        "/office/majors",
        {"name": "", "kind": "{text}", "reason": "{text}"},
    ),
    "the body that is refused": (
        "admin",
        "/office/body",
        {
            "name": "{text}",
            "publicity_days": "{text}",
            "appeal_days": "{text}",
            "appeal_answer_days": "{text}",
        },
    ),
    "a new centre that is refused": ("officer", "/office/centres", {"name": "", "address": "{text}"}),
}


@pytest.mark.parametrize("payload", [pytest.param(f"x<{MARK}>", id="a tag of its own"), *CASES[:12]])
@pytest.mark.parametrize("name", list(FORMS))
def test_a_refused_form_gives_back_text(stage: Stage, name: str, payload: str) -> None:
    who, url, fields = FORMS[name]
    sent = {field: value.replace("{text}", payload) for field, value in fields.items()}
    reply = stage.client(who).post(url, data=sent, headers={"Accept": "text/html"})
    assert 400 <= reply.status_code < 500 or reply.status_code == 303
    found = parsed(reply.get_data(as_text=True))
    assert found.comments == []
    handlers = {attribute for _, names in found.tags for attribute in names if attribute.startswith("on")}
    assert handlers == set()
    assert all(MARK not in tag and MARK.lower() not in tag for tag, _ in found.tags)


TREES = (product_dir("templates"), product_dir("static"), product_dir("templates").parent / "cbt")
TEMPLATES = [path for tree in TREES for path in sorted(tree.rglob("*.html"))]
SCRIPTS = [path for tree in TREES for path in sorted(tree.rglob("*.js")) if "vendor" not in path.parts]
UNSAFE = {
    "an inline handler": r"[\s\"']on[a-z]+\s*=\s*[\"']",
    "an inline style": r"\sstyle\s*=",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "a style element": r"<style",
    "a javascript address": r"javascript:",
    "markup that is not escaped": r"(?<!line )(?<!key.explanation )\|\s*safe|Markup\(|autoescape false",
    "an htmx handler": r"hx-on|hx-vals=[\"']js:|hx-headers=[\"']js:",
    "a comment that is sent": r"<!--",
    "something from elsewhere": r"(?:src|href|action)=[\"'](?:https?:)?//",
    "an attribute without quotes": r"(?<!;url)=\{\{",
    "a frame": r"<(?:iframe|object|embed|base)\b",
}


SANITISED = {
    UNSAFE["markup that is not escaped"]: {
        "_printed.html",
        "proof.html",
        "_book.html",
        "_parts.html",
        "desk.html",
        "own.html",
    }
}
"""Templates that print items, whose texts `items/markup.py` made and cleaned; the product's own handbooks."""


@pytest.mark.parametrize("pattern", [pytest.param(one, id=name) for name, one in UNSAFE.items()])
def test_no_template_holds(pattern: str) -> None:
    sinners = [
        path.name
        for path in TEMPLATES
        if "torture" not in path.parts
        if re.search(pattern, re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.S))
    ]
    assert len(TEMPLATES) > 50
    assert set(sinners) <= SANITISED.get(pattern, set())


DANGEROUS = {
    "a text that is run": (r"\beval\(|new Function|setTimeout\(\s*[\"'`]|\.constructor\(", set()),
    "a page that is written": (r"document\.write", set()),
    "HTML set outside the places that take the server's own": (
        r"innerHTML|insertAdjacentHTML|outerHTML\s*=|createContextualFragment|DOMParser",
        {"dom.js", "board.js", "seat.js", "asks.js", "editor.js"},
    ),
    "messages from other windows": (
        r"(?:window|parent|opener|top)\.(?:postMessage|addEventListener\(\s*[\"']message)|\bonmessage",
        set(),
    ),
    "something from elsewhere": (r"https?://(?!www\.w3\.org/2000/svg\b)", set()),
    "a prototype that is changed": (r"__proto__|\.prototype\s*\[|Object\.setPrototypeOf", set()),
}


@pytest.mark.parametrize(
    ("pattern", "allowed"), [pytest.param(*one, id=name) for name, one in DANGEROUS.items()]
)
def test_no_script_of_ours_holds(pattern: str, allowed: set[str]) -> None:
    sinners = {path.name for path in SCRIPTS if re.search(pattern, without_comments(path))}
    assert len(SCRIPTS) > 20
    assert sinners <= allowed


def without_comments(path: Path) -> str:
    """Return a script without its comments."""
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text("utf-8"), flags=re.S)


def test_what_a_page_escapes_is_what_was_typed() -> None:
    """The payloads are not changed on their way through this file."""
    assert all(html.unescape(html.escape(one)) == one for one in XSS.values())
    assert len(XSS) >= 20


# ---- files


@pytest.fixture(scope="module")
def planning(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world before its doors open, while rosters are taken."""
    folder = tmp_path_factory.mktemp("planning")
    with installation(templates, "sqlite", folder, FakeClock(START)) as (_, made):
        assert made is not None
        yield made


@pytest.fixture(scope="module")
def senders(planning: World) -> dict[str, FlaskClient]:
    """The browsers of those who bring files."""
    return {who: planning.staff(who) for who in ("officer", "author")}


def archive(name: str) -> bytes:
    """Return a zip with one member of a name that fits nobody."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as made:
        made.writestr(name.replace("/", "_"), b"\xff\xd8\xff\xe0" + b"\0" * 64)
    return body.getvalue()


@cache
def a_roster() -> bytes:
    """Return a roster with nothing special in it."""
    return xlsx([row(1, "王小明")])


@cache
def items() -> bytes:
    """Return a bank with nothing special in it."""
    return workbook([truth()])


SENT_FILES = {
    "a roster": (
        "officer",
        "/office/batches/{batch}/roster",
        "file",
        lambda name: (a_roster(), name),
    ),
    "a cell of a roster": (
        "officer",
        "/office/batches/{batch}/roster",
        "file",
        lambda name: (xlsx([[name, name, name, name, name]]), "a.xlsx"),
    ),
    "a column of a roster": (
        "officer",
        "/office/batches/{batch}/roster",
        "file",
        lambda name: (xlsx([[*row(1), "x"]], [*HEADERS, name]), "a.xlsx"),
    ),
    "items": ("author", f"/bank/{BANK}/import", "file", lambda name: (items(), name)),
    "a cell of items": (
        "author",
        f"/bank/{BANK}/import",
        "file",
        lambda name: (workbook([truth(name, point=name, answer=name)]), "a.xlsx"),
    ),
    "a photo": (
        "officer",
        "/office/sittings/{sitting}/photos",
        "photos",
        lambda name: (archive(f"{name}.jpg"), "a.zip"),
    ),
    "photos": (
        "officer",
        "/office/sittings/{sitting}/photos",
        "photos",
        lambda name: (archive("x.jpg"), f"{name}.zip"),
    ),
}


@pytest.mark.parametrize("payload", CASES)
@pytest.mark.parametrize("name", list(SENT_FILES))
def test_what_a_file_says_stays_text(
    planning: World, senders: dict[str, FlaskClient], name: str, payload: str
) -> None:
    """Names of files and what stands in them, on the page that tells what became of them."""
    who, url, field, make = SENT_FILES[name]
    client = senders[who]
    body, called = make(payload)
    called = called if called.endswith((".xlsx", ".zip")) else f"{called}.xlsx"
    reply = client.post(
        url.format(sitting=planning.sitting_ref, batch=planning.batch_ref),
        data={field: (io.BytesIO(body), called)},
    )
    if "/roster/" in str(reply.location):
        with planning.app.app_context():
            ref = str(reply.location).rpartition("/")[2]
            work_on(ref, clock=planning.clock.now)
    reply = client.get(reply.location, follow_redirects=True) if reply.location else reply
    assert reply.status_code < 500
    found = parsed(reply.get_data(as_text=True))
    assert found.comments == []
    assert not {tag for tag, _ in found.tags} & {
        "iframe",
        "object",
        "embed",
        "base",
        "style",
        "math",
        "img",
        "animate",
    }
    assert not [one for _, names in found.tags for one in names if one.startswith(("on", "style", "srcdoc"))]
    for tag, attribute, value in found.values:
        assert MARK not in value or attribute not in {"href", "src", "action", "id", "class"}, tag
    scripts = [value for tag, attribute, value in found.values if (tag, attribute) == ("script", "src")]
    assert all(value.startswith("/static/") for value in scripts)
    assert len(scripts) == sum(tag == "script" for tag, _ in found.tags)
