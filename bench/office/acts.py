"""What an officer does one after the other while an exam runs, through the pages, each until it is over."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from bench.office.browser import LOOK_SECONDS, Answer, Browser, NotDone

BOUND_SECONDS = 240.0
"""No office waits longer for one thing."""
BANK = "customer-service-l3"
_DRAWN = re.compile(r"(\d+) / (\d+)")
_TICKETS = re.compile(r'href="([^"]+/print/tickets/[^"]+\.pdf)"')
_APPROVAL = re.compile(r"/approvals/([^/?]+)")
_DESTROYED = re.compile(r'href="([^"]+/destructions/[^"]+\.pdf)"')


@dataclass(frozen=True, slots=True)
class OfficeSize:
    """How much there is: forms to draw, scores of a sitting, lines of files, people of what else is done."""

    drawn: int = 2_000
    scores: int = 15_000
    roster: int = 10_000
    items: int = 10_000
    destroyed: int = 2_000
    certified: int = 50
    applied: int = 500


@dataclass(frozen=True, slots=True)
class Office:
    """What the acts are about, and the cookies of who does them."""

    size: OfficeSize
    officer: str = field(repr=False)
    second: str = field(repr=False)
    author: str = field(repr=False)
    ahead: str
    """A sitting without forms."""
    batch_ahead: str
    scored: str
    """A sitting whose results were shown long enough."""
    unshown: str
    """A sitting whose results are to be shown."""
    batch_planned: str
    """A batch without people, with seats for all of the roster."""
    batch_past: str
    """A batch whose records are due for destruction."""
    statement: str
    """The address of a unit's statement, without its kind."""
    roster: Path
    bank: Path
    items: int
    """How many items there are before the import."""


@dataclass(slots=True)
class Staff:
    """The browsers of those who are at work."""

    officer: Browser
    second: Browser
    author: Browser


Act = Callable[[Staff, Office], None]


def draw(staff: Staff, office: Office) -> None:
    """组卷 of a sitting."""
    sitting = f"/office/sittings/{office.ahead}"
    staff.officer.wait(staff.officer.send(sitting, f"{sitting}/draw"))
    while (found := _DRAWN.search(staff.officer.open(f"{sitting}/drawn").text)) and found[1] != found[2]:
        time.sleep(LOOK_SECONDS)


def workbook(staff: Staff, office: Office) -> None:
    """The score workbook of a sitting."""
    page = f"/results/{office.scored}"
    _insist(staff.officer.file_of(staff.officer.send(page, f"{page}/workbook"), ".xlsx"), b"PK")


def tickets(staff: Staff, office: Office) -> None:
    """The tickets of a sitting, a file for each room as the page fetches them."""
    found = _TICKETS.findall(staff.officer.open(f"/office/sittings/{office.ahead}/print").text)
    if not found:
        raise NotDone("no tickets to print")
    for path in dict.fromkeys(found):
        _insist(staff.officer.file_of(staff.officer.open(path), ".pdf"), b"%PDF")


def release(staff: Staff, office: Office) -> None:
    """Release the results of a sitting: asked for by one, approved by another."""
    page = f"/results/{office.scored}/release"
    asked = staff.officer.send(page, page, {"ask": "1"})
    request = _APPROVAL.search(asked.path)
    if request is None:
        raise NotDone(f"not asked for: {asked.said}")
    approval = f"/approvals/{request[1]}"
    shown = staff.second.send(approval, f"{approval}/approve")
    while 'data-state="under_way"' in shown.text:
        time.sleep(LOOK_SECONDS)
        shown = staff.second.open(approval)
    if 'data-state="done"' not in shown.text:
        raise NotDone(f"not released: {shown.said}")


def publicity(staff: Staff, office: Office) -> None:
    """公示 of a sitting's results."""
    page = f"/results/{office.unshown}/publicity"
    staff.officer.wait(staff.officer.send(page, page))


def roster(staff: Staff, office: Office) -> None:
    """Import a roster of a batch: its check, then its people."""
    page = f"/office/batches/{office.batch_planned}/roster"
    brought = staff.officer.send(page, page, files={"file": ("名册.xlsx", office.roster.read_bytes())})
    checked = staff.officer.wait(brought)
    staff.officer.wait(staff.officer.send(checked.path, checked.path))


def bank(staff: Staff, office: Office) -> None:
    """Import a bank: its check, then its items."""
    page = f"/bank/{BANK}/import"
    brought = staff.author.send(page, page, files={"file": ("题库.xlsx", office.bank.read_bytes())})
    checked = staff.author.wait(brought)
    how = {"mode": "update", "state": "in_review", "rows": "good"}
    staff.author.wait(staff.author.send(checked.path, checked.path, how))


def publish(staff: Staff, office: Office) -> None:
    """Publish what a batch has ready."""
    page = f"/office/batches/{office.batch_ahead}/publish"
    staff.officer.wait(staff.officer.send(page, page))


def statement(staff: Staff, office: Office) -> None:
    """The statement of a unit, on paper and as a workbook."""
    for kind, begins in (("pdf", b"%PDF"), ("xlsx", b"PK")):
        asked = staff.officer.open(f"{office.statement}/{kind}")
        _insist(staff.officer.file_of(asked, f".{kind}"), begins)


def certificates(staff: Staff, _office: Office) -> None:
    """Issue the certificates of a page."""
    page = "/office/certificates"
    staff.officer.wait(staff.officer.send(page, page))


def destruction(staff: Staff, office: Office) -> None:
    """Destroy the records of a batch: asked for by one, confirmed by another, carried out piece by piece."""
    page = f"/office/retention/batches/{office.batch_past}"
    fields = {"kind": "electronic", "note": "保存期满"}
    asked = staff.officer.send(page, f"{page}/destroy", fields)
    confirmed: Answer = staff.second.send(asked.path, f"{asked.path}/confirm")
    while not _DESTROYED.search(confirmed.text):
        time.sleep(LOOK_SECONDS)
        confirmed = staff.second.open(asked.path)


ACTS: dict[str, Act] = {
    "draw": draw,
    "workbook": workbook,
    "tickets": tickets,
    "release": release,
    "publicity": publicity,
    "roster": roster,
    "bank": bank,
    "publish": publish,
    "statement": statement,
    "certificates": certificates,
    "destruction": destruction,
}
"""In this order; what is drawn is then printed and published."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an act: from when to when it went on (`time.perf_counter`), and "" or why it was not done."""

    name: str
    began: float
    ended: float
    said: str
    turned_away: int
    """How often whoever did it was told to come again."""


def work(port: int, office: Office, line: Connection) -> None:
    """Do each act when its name comes over the line, and say what became of it; runs in a process of its own."""
    staff = Staff(*(Browser(port, cookie) for cookie in (office.officer, office.second, office.author)))
    browsers = (staff.officer, staff.second, staff.author)
    line.send(None)
    while name := line.recv():
        began, said = time.perf_counter(), ""
        for one in browsers:
            one.until, one.turned_away = began + BOUND_SECONDS, 0
        try:
            if name not in ACTS:
                raise NotDone("no such thing is done here")
            ACTS[name](staff, office)
        except NotDone as error:
            said = str(error) or type(error).__name__
        line.send(Done(name, began, time.perf_counter(), said, sum(one.turned_away for one in browsers)))


def _insist(content: bytes, begins: bytes) -> None:
    if not content.startswith(begins):
        raise NotDone(f"no file that begins with {begins!r}")
