"""Files that would kill or freeze their reader: each gives its rows or a clear refusal, and the process lives."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import flask
import pytest
from sqlalchemy import func, select

from cbt.batches.roster.models import RosterCheck
from cbt.candidates.models import CandidatePhoto
from cbt.candidates.roster.file import MOST_ROWS, read_roster
from cbt.confined import runner
from cbt.confined.child import RESULT, ChildTask
from cbt.confined.runner import AGAIN_SECONDS, MEGABYTE, ChildPlaces, Exhausted, Limits, run
from cbt.errors import InvalidInput, TooMany, Unavailable
from cbt.http.auth.login import Principal
from cbt.http.server import request_body
from cbt.http.server.lanes import STAFF_THREADS
from cbt.interchange.tables.format import read_tables
from cbt.interchange.tables.sheet import open_tables
from cbt.paths import product_dir
from cbt.printing.pdf import pdf, reset
from cbt.rules.roles import Role
from cbt.runner.recovery_file import MAX_BYTES, SEALED_FORMAT, open_recovery, read_envelope, seal_secret
from cbt.spreadsheets.drafts import SheetDraft
from cbt.storage.unit_of_work import reading
from tests.attacks import packages
from tests.attacks.packages import (
    SHEET,
    broken_deflate,
    doubled,
    inline,
    lying,
    marked_encrypted,
    packed,
    parts,
    workbook,
)
from tests.bank.test_import_pages import work
from tests.delivery.recovery_files import seal
from tests.file_jobs import work_on
from tests.world import World

READ = "read"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
FAR = "<row r={q}1048576{q}><c r={q}XFD1048576{q}><v>1</v></c></row>"


def ghosts(rows: int, last: str, cell: str) -> str:
    """Return rows whose first and last cell are `cell`: a sheet much larger than what stands in it."""
    return "".join(
        f'<row r="{number}">'
        + "".join(cell.format(at=f"{column}{number}") for column in ("A", last))
        + "</row>"
        for number in range(3, 3 + rows)
    )


def shared(index: str) -> dict[str, bytes]:
    """Return a workbook whose cell names a shared string by `index`; there is one."""
    files = parts(f'<row r="3"><c r="A3" t="s"><v>{index}</v></c></row>')
    files["xl/sharedStrings.xml"] = (
        b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>one</t></si></sst>'
    )
    files["xl/_rels/workbook.xml.rels"] = packages.relations(
        ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml")
    ).encode()
    return files


WORKBOOKS = [
    pytest.param(workbook(FAR.format(q='"')), "roster.too_big", id="one far cell"),
    pytest.param(workbook(FAR.format(q="'")), "roster.too_big", id="one far cell in single quotes"),
    pytest.param(workbook(FAR.format(q='"').lower()), "roster.too_big", id="one far cell in lower case"),
    pytest.param(
        workbook('<row r="3"><c  t="n"\n r="XFD1048576"><v>1</v></c></row>'),
        "roster.too_big",
        id="one far cell, its attributes turned around",
    ),
    pytest.param(
        workbook('<row r="3"><c r="XFD3"><v>1</v></c></row>'), "roster.too_big", id="a cell far to the right"
    ),
    pytest.param(
        workbook('<row r="1048576"><c r="A1048576"><v>1</v></c></row>'),
        "roster.too_big",
        id="a cell far below",
    ),
    pytest.param(
        workbook('<row r="500000"><c r="XFD500000"><v>1</v></c></row>'),
        "roster.too_big",
        id="half of a far cell",
    ),
    pytest.param(
        workbook('<row r="3"><c r="A99999999999999999999"><v>1</v></c></row>'),
        "roster.too_big",
        id="a row number beyond every number",
    ),
    pytest.param(
        workbook('<row r="3"><c r="ZZZZZZZZ3"><v>1</v></c></row>'),
        "roster.too_big",
        id="a column beyond every column",
    ),
    pytest.param(workbook('<row r="3"><c r=""><v>1</v></c></row>'), "roster.unreadable", id="an empty place"),
    pytest.param(
        workbook('<row r="3"><c r="3A"><v>1</v></c></row>'), "roster.unreadable", id="a place turned around"
    ),
    pytest.param(workbook("<row><c><v>1</v></c></row>"), READ, id="no places at all"),
    pytest.param(workbook('<row r="3"><c r="C9"><v>1</v></c></row>'), READ, id="row and cell contradict"),
    pytest.param(
        workbook(ghosts(165, "XFB", '<c r="{at}" s="0"/>')), READ, id="ghosts of 165 × 16,382, only formats"
    ),
    pytest.param(
        workbook(ghosts(165, "XFB", '<c r="{at}" t="inlineStr"><is><t></t></is></c>')),
        READ,
        id="ghosts of 165 × 16,382, empty texts",
    ),
    pytest.param(
        workbook(ghosts(165, "XFB", '<c r="{at}"><v>0</v></c>')),
        "roster.too_big",
        id="a full 165 × 16,382",
    ),
    pytest.param(
        workbook(ghosts(MOST_ROWS, "B", '<c r="{at}"><v>0</v></c>')), "roster.too_big", id="a row too many"
    ),
    pytest.param(packed(shared("0")), READ, id="a shared string"),
    pytest.param(packed(shared("99")), "roster.unreadable", id="a shared string out of range"),
    pytest.param(packed(shared("-1")), READ, id="a negative shared string"),
    pytest.param(packed(shared("99999999999999999999")), READ, id="a shared string beyond every number"),
    pytest.param(
        workbook('<row r="3"><c r="A3" t="s"><v>0</v></c></row>'),
        "roster.unreadable",
        id="shared strings missing",
    ),
    pytest.param(
        workbook('<row r="3"><c r="A3" t="?"><v>0</v></c></row>'),
        "roster.unreadable",
        id="an unknown kind of cell",
    ),
    pytest.param(workbook('<row r="3"><c r="A3"><v>1e999</v></c></row>'), READ, id="a number without end"),
    pytest.param(workbook('<row r="3"><c r="A3"><v>nan</v></c></row>'), READ, id="not a number"),
    pytest.param(
        workbook(f'<row r="3">{inline("A3", "&#x41;" * 30_000)}</row>'), READ, id="a text of 30,000 entities"
    ),
    pytest.param(
        packed(
            parts()
            | {SHEET: b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + parts()[SHEET]}
        ),
        READ,
        id="entities of entities",
    ),
    pytest.param(
        packed(parts() | {SHEET: b"<worksheet>" + b"<a>" * 200_000}),
        "roster.no_header",
        id="200,000 elements deep",
    ),
    pytest.param(
        packed(parts() | {SHEET: b"\xff\xfe\x00garbage"}), "roster.unreadable", id="a sheet that is no XML"
    ),
    pytest.param(packed(parts() | {SHEET: b""}), "roster.unreadable", id="an empty sheet"),
    pytest.param(workbook(target="/xl/worksheets/sheet1.xml"), READ, id="an absolute target"),
    pytest.param(workbook(target="../xl/worksheets/sheet1.xml"), "roster.unreadable", id="a target with ../"),
    pytest.param(
        workbook(target="../../../../etc/passwd"), "roster.unreadable", id="a target outside the package"
    ),
    pytest.param(
        workbook(target="https://example.org/sheet.xml"), "roster.unreadable", id="a target on the network"
    ),
    pytest.param(
        workbook(FAR.format(q="'"), target="/elsewhere/s.xml", sheet="elsewhere/s.xml"),
        "roster.too_big",
        id="a far cell in another folder",
    ),
    pytest.param(
        workbook(target="/elsewhere/s.xml", sheet="elsewhere/s.xml"), READ, id="a sheet in another folder"
    ),
    pytest.param(workbook(target="worksheets/SHEET1.XML"), READ, id="a target in other letters"),
    pytest.param(
        packed({name: body for name, body in parts().items() if name != "xl/workbook.xml"}),
        "roster.no_header",
        id="no workbook part",
    ),
    pytest.param(
        packed({name: body for name, body in parts().items() if name != SHEET}),
        "roster.unreadable",
        id="no sheet part",
    ),
    pytest.param(doubled(), "roster.unreadable", id="two parts of one name"),
    pytest.param(
        packed(parts() | {SHEET.upper(): b"<worksheet/>"}), "roster.unreadable", id="two names but for case"
    ),
    pytest.param(
        packed(parts() | {f"a{n}": b"" for n in range(3000)}), "roster.too_big", id="too many entries"
    ),
    pytest.param(packed(parts() | {SHEET: b" " * 20_000_000}), "roster.too_big", id="a bomb by its ratio"),
    pytest.param(
        lying(packed(parts() | {SHEET: parts()[SHEET] + b" " * 20_000_000}), SHEET, 4000),
        "roster.unreadable",
        id="a bomb that lies about its size",
    ),
    pytest.param(lying(workbook(), SHEET, 2**32 - 1), "roster.too_big", id="a size of 4 GB in the directory"),
    pytest.param(marked_encrypted(workbook()), "sheet.locked", id="encrypted entries"),
    pytest.param(broken_deflate(workbook()), "roster.unreadable", id="a broken stream"),
    pytest.param(
        broken_deflate(workbook(), "xl/workbook.xml"), "roster.unreadable", id="a broken workbook part"
    ),
    pytest.param(workbook()[:-40], "roster.unreadable", id="the directory cut off"),
    pytest.param(workbook()[: len(workbook()) // 2], "roster.unreadable", id="half a file"),
    pytest.param(b"PK\x03\x04" + b"\0" * 1000, "roster.unreadable", id="the head of a zip alone"),
    pytest.param(b"PK\x05\x06" + b"\0" * 18, "roster.unreadable", id="an empty zip"),
    pytest.param(b"PK", "roster.unreadable", id="two bytes"),
    pytest.param(b"", "roster.kind", id="nothing"),
    pytest.param(OLE + b"\0" * 600, "roster.unreadable", id="an old workbook by another name"),
    pytest.param("姓名,证件类型".encode(), "roster.no_header", id="a text by another name"),
    pytest.param(b"<html><table><tr><td>1", "roster.no_header", id="a page by another name"),
    pytest.param(b"\x7fELF" + b"\0" * 64, "roster.kind", id="a program by another name"),
]


@pytest.mark.parametrize(("body", "expected"), WORKBOOKS)
def test_a_workbook_gives_a_roster_or_a_refusal(body: bytes, expected: str) -> None:
    try:
        found = read_roster("名册.xlsx", body)
        outcome = READ
    except InvalidInput as error:
        outcome = error.code
    assert outcome == expected
    if outcome == READ:
        assert found.rows[0].name == "考生1" or found.refused


TEXTS = [
    pytest.param(b"a,b\n" + b"x" * 2_000_000, "roster.unreadable", id="a cell of two million letters"),
    pytest.param(b"," * 5_000_000, "roster.no_header", id="five million commas in one line"),
    pytest.param(b"x," * 2_000_000, "roster.too_big", id="two million cells in one line"),
    pytest.param(b"\n" * 5_000_000, "roster.no_header", id="five million empty lines"),
    pytest.param(b"a\n" * (MOST_ROWS + 1), "roster.too_big", id="a line too many"),
    pytest.param(b'"' + b"a\n" * 600_000, "roster.unreadable", id="a quote that never ends"),
    pytest.param(b"\xff\xfe" + "姓名".encode("utf-16-le"), "roster.no_header", id="UTF-16"),
    pytest.param(b"\xff" * 10_000, "roster.no_header", id="no encoding at all"),
    pytest.param(b"a\x00b", "roster.kind", id="NUL"),
    pytest.param(b"", "roster.kind", id="nothing"),
]


@pytest.mark.parametrize(("body", "expected"), TEXTS)
def test_a_text_file_gives_a_refusal(body: bytes, expected: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_roster("名册.csv", body)
    if expected != "roster.no_header":
        assert refused.value.code == expected


BANKS = [
    pytest.param(workbook(FAR.format(q="'")), "bank.workbook_too_big", id="one far cell in single quotes"),
    pytest.param(
        workbook('<row r="3"><c r="XFD3"><v>1</v></c></row>'), "sheet.too_wide", id="far to the right"
    ),
    pytest.param(
        workbook('<row r="30000"><c r="A30000"><v>1</v></c></row>'), "sheet.too_long", id="far below"
    ),
    pytest.param(packed(shared("99")), "bank.not_workbook", id="a shared string out of range"),
    pytest.param(broken_deflate(workbook(), "xl/workbook.xml"), "bank.not_workbook", id="a broken stream"),
    pytest.param(marked_encrypted(workbook()), "sheet.locked", id="encrypted entries"),
    pytest.param(
        OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"),
        "sheet.locked",
        id="a file with a password",
    ),
    pytest.param(OLE + b"\0" * 600, "bank.not_workbook", id="the head of an old workbook"),
    pytest.param(OLE + b"\xff" * 100_000, "bank.not_workbook", id="an old workbook of nothing but ones"),
    pytest.param(b"PK\x03\x04garbage", "bank.not_workbook", id="the head of a zip"),
    pytest.param(
        packed({"content.xml": b"<a/>", "mimetype": b"x"}), "bank.not_workbook", id="half an OpenDocument"
    ),
]


@pytest.mark.parametrize(("body", "code"), BANKS)
def test_a_bank_that_cannot_be_read_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_tables(body)
    assert refused.value.code == code


def test_a_text_that_is_called_a_workbook_is_no_bank_of_items() -> None:
    read = read_tables(b"1,2,3", "bank.xlsx", {})
    assert ([finding.code for finding in read.findings], list(read.items)) == (["no_columns"], [])


PAGES = [
    pytest.param(workbook(FAR.format(q="'")), id="one far cell in single quotes"),
    pytest.param(broken_deflate(workbook(), "xl/workbook.xml"), id="a broken stream"),
    pytest.param(marked_encrypted(workbook()), id="encrypted"),
    pytest.param(packed(shared("99")), id="a reader that panics"),
    pytest.param(b"PK", id="two bytes"),
]


@pytest.mark.parametrize("body", PAGES)
def test_a_refused_file_leaves_nothing_and_the_page_says_why(world: World, body: bytes) -> None:
    officer, author = world.staff("officer"), world.staff("author")
    roster = officer.post(
        f"/office/batches/{world.batch_ref}/roster", data={"file": (io.BytesIO(body), "名册.xlsx")}
    )
    assert roster.status_code == 303
    brought = str(roster.headers["Location"])
    with world.app.app_context():
        work_on(brought.rpartition("/")[2], clock=world.clock.now)
    roster = officer.get(brought)
    assert 'class="notice stop"' in roster.text
    assert officer.post(f"{brought}/drop").status_code == 303
    bank = author.post("/bank/customer-service-l3/import", data={"file": (io.BytesIO(body), "题库.xlsx")})
    photos = officer.post(
        f"/office/sittings/{world.sitting_ref}/photos",
        data={"photos": (io.BytesIO(body), "a.zip")},
        follow_redirects=True,
    )
    assert photos.status_code == 200
    if (
        bank.status_code == 303
    ):  # what opens as files is checked by a process of its own, which the page tells of
        address = str(bank.headers["Location"])
        work(world, address)
        bank = author.get(address)
        assert 'class="notice stop"' in bank.text
        assert author.post(f"{address}/cancel").status_code == 303
    else:
        assert bank.status_code == 422
    for page in (roster.text, bank.text, photos.text):
        assert "error." not in page.replace("error.js", "")
    with world.app.app_context(), reading() as session:
        for table in (SheetDraft, RosterCheck, CandidatePhoto):
            assert session.scalar(select(func.count()).select_from(table)) == 0


# What a child may do.

_HERE = "tests.attacks.child_tasks"
SMALL = Limits(memory=256 * MEGABYTE, cpu=2, wall=4, answer=MEGABYTE)
UNHURRIED = Limits(memory=SMALL.memory, cpu=SMALL.cpu, wall=60, answer=SMALL.answer)
"""What a child takes is what ends it, however few turns a busy machine gives it."""


@pytest.mark.parametrize(
    "task",
    [
        pytest.param("hoard", id="memory without end"),
        pytest.param("count", id="a calculation without end"),
        pytest.param("talk", id="an answer without end"),
        pytest.param("crash", id="a reader that crashes"),
        pytest.param("abort", id="a reader that aborts"),
    ],
)
def test_a_child_that_takes_too_much_is_ended(task: str) -> None:
    with pytest.raises(Exhausted):
        run(f"{_HERE}:{task}", b"", limits=UNHURRIED)
    assert run(f"{_HERE}:echo", b"alive", limits=UNHURRIED) == b"alive"


def test_a_child_that_has_no_turn_is_ended_and_its_file_not_blamed() -> None:
    with pytest.raises(Unavailable) as late:
        run(f"{_HERE}:sleep", b"", limits=Limits(memory=SMALL.memory, cpu=1, wall=1, answer=100))
    assert late.value.code == "file.overdue"
    assert run(f"{_HERE}:echo", b"alive", limits=UNHURRIED) == b"alive"


@pytest.mark.parametrize(
    ("task", "said"),
    [
        pytest.param("environment", "", id="no key in its environment"),
        pytest.param("descriptors", "0,1,2", id="no descriptor but its pipe"),
        pytest.param("connect", "refused", id="no socket"),
        pytest.param("open_file", "refused", id="no file"),
        pytest.param("product", "", id="nothing of the product beside its reader"),
    ],
)
def test_a_child_has_nothing_and_reaches_nothing(
    task: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CBT_KEYS", "secret")
    kept = os.open(product_dir("templates") / "base.html", os.O_RDONLY) if task == "descriptors" else -1
    try:
        assert run(f"{_HERE}:{task}", b"", limits=UNHURRIED).decode() == said
    finally:
        if kept >= 0:
            os.close(kept)


def test_children_take_turns_and_who_cannot_wait_is_told() -> None:
    places = ChildPlaces("few", at_once=1, waiting=1)
    with places.taken(1):
        first = threading.Thread(target=lambda: run(f"{_HERE}:echo", b"", limits=UNHURRIED, places=places))
        first.start()
        while places.waiting._value:
            time.sleep(0.001)
        with pytest.raises(Unavailable) as refused:
            run(f"{_HERE}:echo", b"", limits=UNHURRIED, places=places)
        assert (refused.value.code, refused.value.params) == ("file.busy", {"seconds": AGAIN_SECONDS})
    first.join()
    assert run(f"{_HERE}:echo", b"x", limits=UNHURRIED, places=places) == b"x"


@contextmanager
def all_taken(places: ChildPlaces) -> Iterator[None]:
    """Have every place of a kind taken, and nobody wait any longer for one."""
    with ExitStack() as stack:
        while places.turns._value:
            stack.enter_context(places.taken(1))
        while places.waiting.acquire(blocking=False):
            stack.callback(places.waiting.release)
        yield


def test_whoever_prints_waits_for_no_file_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_ask", lambda _job, _body, _limits: (RESULT + b"made", 0))
    with all_taken(runner.READING):
        assert pdf("tickets", {}, language="zh") == b"made"
        with pytest.raises(Unavailable) as refused:
            reset(b"%PDF-")
        assert refused.value.code == "file.busy"
    with all_taken(runner.PRINTING):
        assert reset(b"%PDF-") == (b"ade", ord("m"))
        with pytest.raises(Unavailable) as refused:
            pdf("tickets", {}, language="zh")
        assert (refused.value.code, refused.value.params) == ("print.busy", {"seconds": AGAIN_SECONDS})


def test_children_leave_threads_of_staff_to_pages_that_need_none() -> None:
    most = sum(one.turns._value + one.waiting._value for one in (runner.READING, runner.PRINTING))
    assert most < STAFF_THREADS


@pytest.mark.parametrize(
    ("role", "answered"),
    [
        pytest.param(Role.UNIT_CLERK, ["second: file.yours", "first"], id="a unit's account"),
        pytest.param(Role.OFFICER, ["second", "first"], id="an officer"),
    ],
)
def test_one_file_of_a_units_account_is_read_at_a_time(
    app: flask.Flask, monkeypatch: pytest.MonkeyPatch, role: Role, answered: list[str]
) -> None:
    """Of eight that it sends at once one is read, and the others wait for nothing that others need."""
    done: list[str] = []
    clerk = Principal("staff", 1, "st-clerk", "王", frozenset({role.value}))
    monkeypatch.setattr(request_body, "current_principal", lambda: clerk)

    def ask(name: bytes) -> None:
        with app.test_request_context():
            try:
                run(f"{_HERE}:echo", name, limits=UNHURRIED)
            except TooMany as error:
                done.append(f"{name.decode()}: {error.code}")
            else:
                done.append(name.decode())

    def answer(_job: ChildTask, body: bytes, _limits: Limits) -> tuple[bytes, int]:
        if body == b"first":
            ask(b"second")
        return RESULT + body, 0

    monkeypatch.setattr(runner, "_ask", answer)
    ask(b"first")
    assert done == answered
    ask(b"third")
    assert done[-1] == "third", "its turn was given back"


def test_a_child_that_cannot_be_started_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(Unavailable) as refused:
        run(f"{_HERE}:echo", b"", limits=UNHURRIED)
    assert refused.value.code == "file.reader"


# Recovery files: small texts, read where they arrive.

SECRET = seal_secret(b"k" * 32, "at-1", 1)


def envelope(**changes: object) -> str:
    whole = {
        "format": SEALED_FORMAT,
        "attempt": "at-1",
        "epoch": 1,
        "nonce": "00" * 16,
        "body": "",
        "seal": "0" * 64,
    }
    return json.dumps(whole | changes)


RECOVERIES = [
    pytest.param("[" * 100_000, id="100,000 brackets"),
    pytest.param('{"a":' * 100_000, id="100,000 braces"),
    pytest.param("9" * 5000, id="a number of 5,000 digits"),
    pytest.param('{"epoch":' + "9" * 5000 + "}", id="an epoch of 5,000 digits"),
    pytest.param("[" + "[]," * (MAX_BYTES // 3) + "[]]", id="more than a file may hold"),
    pytest.param("", id="nothing"),
    pytest.param("null", id="null"),
    pytest.param("[]", id="a list"),
    pytest.param('"cbt-recovery-1"', id="a text"),
    pytest.param("NaN", id="not a number"),
    pytest.param("\0", id="NUL"),
    pytest.param(zlib.compress(envelope().encode()).decode("latin-1"), id="compressed"),
    pytest.param(envelope(format="cbt-recovery-2"), id="another format"),
    pytest.param(envelope(format=["cbt-recovery-1"]), id="a format that is a list"),
    pytest.param(envelope(epoch="1"), id="an epoch that is a text"),
    pytest.param(envelope(epoch=True), id="an epoch that is true"),
    pytest.param(envelope(epoch=1.5), id="an epoch and a half"),
    pytest.param(envelope(epoch=0), id="epoch 0"),
    pytest.param(envelope(epoch=-1), id="a negative epoch"),
    pytest.param(envelope(epoch=2**31), id="an epoch beyond the database"),
    pytest.param(envelope(attempt=7), id="an attempt that is a number"),
    pytest.param(envelope(attempt=""), id="no attempt"),
    pytest.param(envelope(attempt="a\0b"), id="NUL in the attempt"),
    pytest.param(envelope(attempt="\ud800"), id="half a surrogate pair in the attempt"),
    pytest.param(envelope(attempt="a" * 101), id="a long attempt"),
    pytest.param(envelope(seal="\udfff"), id="half a surrogate pair in the seal"),
    pytest.param(envelope(seal=None), id="no seal"),
    pytest.param(envelope(nonce="zz"), id="a nonce that is no hex"),
    pytest.param(envelope(nonce=1), id="a nonce that is a number"),
    pytest.param(envelope(body="!"), id="a body that is no base64"),
    pytest.param(envelope(body=["a"]), id="a body that is a list"),
    pytest.param(envelope(body="\u00e9"), id="a body that is no ASCII"),
]


@pytest.mark.parametrize("text", RECOVERIES)
def test_a_recovery_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_envelope(text)
    assert refused.value.code == "recovery.unreadable"


def entry(**changes: object) -> dict[str, object]:
    return {"epoch": 1, "seq": 1, "position": 1, "value": "A", "at": "2026-11-24T01:00:00+00:00"} | changes


def content(**changes: object) -> dict[str, object]:
    return {"made_at": "2026-11-24T01:00:00+00:00", "entries": [entry()], "receipts": []} | changes


SEALED = [
    pytest.param(content(made_at="0001-01-01T00:00:00+14:00"), id="made before the calendar"),
    pytest.param(content(made_at="9999-12-31T23:59:59-14:00"), id="made after the calendar"),
    pytest.param(content(made_at="2026-11-24T01:00:00"), id="made without a zone"),
    pytest.param(content(made_at=5), id="made at a number"),
    pytest.param(content(entries=[entry(at="0001-01-01T00:00:00+14:00")]), id="typed before the calendar"),
    pytest.param(content(entries=[entry(seq=2**31)]), id="a number beyond the database"),
    pytest.param(content(entries=[entry(seq=1.5)]), id="half a number"),
    pytest.param(content(entries=[entry(seq=-1)]), id="a negative number"),
    pytest.param(content(entries=[entry(position="1")]), id="a position that is a text"),
    pytest.param(content(entries=[entry(epoch=2)]), id="a lease of later"),
    pytest.param(content(entries=[entry(), entry()]), id="one number twice"),
    pytest.param(content(entries=[entry(seq=n) for n in range(1, 402)]), id="too many answers"),
    pytest.param(content(entries={"a": 1}), id="answers that are a mapping"),
    pytest.param(content(entries=None), id="no answers"),
    pytest.param(content(entries="abc"), id="answers that are a text"),
    pytest.param(content(receipts=[{"seq": 1}]), id="half a receipt"),
    pytest.param(
        content(receipts=[{"seq": n, "at": "2026-11-24T01:00:00+00:00"} for n in range(1, 20)]),
        id="too many receipts",
    ),
    pytest.param([], id="a list"),
    pytest.param(7, id="a number"),
]


@pytest.mark.parametrize("inside", SEALED)
def test_a_sealed_recovery_file_with_nonsense_is_refused(inside: object) -> None:
    sealed = read_envelope(seal(inside, SECRET, "at-1", 1))
    with pytest.raises(InvalidInput) as refused:
        open_recovery(sealed, SECRET)
    assert refused.value.code == "recovery.unreadable"


def test_a_child_that_nobody_waits_for_may_take_longer_and_work_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def ask(job: ChildTask, _body: bytes, _limits: Limits) -> tuple[bytes, int]:
        asked.append((job.wall, job.cpu))
        return b"+", 0

    monkeypatch.setattr(runner, "_times", [1])
    monkeypatch.setattr(runner, "_ask", ask)
    run(f"{_HERE}:echo", b"", limits=SMALL)
    runner.take_longer()
    run(f"{_HERE}:echo", b"", limits=SMALL)
    assert asked == [(SMALL.wall, SMALL.cpu), (SMALL.wall * runner.LONGER, SMALL.cpu)]
