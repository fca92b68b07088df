"""What a file does not say is shown, can be said otherwise, is confirmed once, and remembered for its layout."""

from __future__ import annotations

import flask
import pytest

from cbt.bank.imports import bank_import as checks
from cbt.bank.imports.checks import CheckSheet, Looked, sheet_of
from cbt.bank.imports.plan import Mode
from cbt.errors import InvalidInput
from cbt.interchange import registry
from cbt.interchange.format import Confidence, Content, Format
from cbt.interchange.registry import FORMATS
from cbt.items.draft import Adjustments, Inferred, ItemDraft, Reading
from cbt.rules.states import ItemState
from cbt.spreadsheets.findings import Place
from cbt.storage.unit_of_work import reading
from tests.bank.samples import ACTOR, BANK, check
from tests.file_jobs import work_on
from tests.helpers import FakeClock

STEMS = b"STEMS\n"


def _read(content: Content, name: str, adjust: Adjustments) -> Reading:
    assert isinstance(content, bytes)
    right = adjust.get("key", "true")
    items = [
        ItemDraft(
            "",
            {"type": "true_false", "stem": stem, "answer": right == "true", "difficulty": 3},
            {"": Place(name, sheet=sheet, line=number)},
        )
        for number, (sheet, _mark, stem) in enumerate(
            (line.partition("|") for line in content.decode().splitlines()[1:]), 2
        )
    ]
    guess = Inferred("key", "text_key_base", right, ("true", "false"), len(items), Place(name))
    return Reading("stems", name, items, [], inferred=(guess,), layout="stems/1")


FAKE = Format(
    "stems",
    lambda content, _name: Confidence(2 * (isinstance(content, bytes) and content.startswith(STEMS))),
    _read,
)
FILE = STEMS + "甲|应当主动问候客户。\n乙|可以打断客户。\n甲|客服员应当如实介绍商品。\n".encode()


@pytest.fixture(autouse=True)
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plug in a format that infers its keys and knows no points."""
    monkeypatch.setattr(registry, "FORMATS", (*FORMATS, FAKE))


def sheet(app: flask.Flask, ref: str) -> CheckSheet:
    with app.app_context(), reading() as session:
        return sheet_of(session, bank_ref=BANK, ref=ref, actor=ACTOR, looked=Looked())


def again(app: flask.Flask, clock: FakeClock, ref: str, **said: dict[str, str] | bool) -> CheckSheet:
    """Say how a file is read, and return what is found then."""
    with app.app_context():
        named = {"adjust": {}, "points": {}, **said}
        checks.read_again(bank_ref=BANK, draft_ref=ref, now=clock.now(), actor=ACTOR, **named)  # type: ignore[arg-type]  # as given
        work_on(ref, clock=clock.now)
    return sheet(app, ref)


def confirm(app: flask.Flask, clock: FakeClock, ref: str, *, understood: bool) -> None:
    with app.app_context():
        checks.confirm(
            bank_ref=BANK,
            draft_ref=ref,
            mode=Mode.UPDATE,
            state=ItemState.IN_REVIEW,
            partial=False,
            near=True,
            understood=understood,
            now=clock.now(),
            actor=ACTOR,
        )
        work_on(ref, clock=clock.now)


def test_items_without_a_point_get_the_one_of_their_section(bank: flask.Flask, clock: FakeClock) -> None:
    ref = check(bank, clock, ("a.txt", FILE))
    first = sheet(bank, ref)
    assert [(one.sheet, one.count) for one in first.summary.sections] == [("甲", 2), ("乙", 1)]
    # The bank has the third item: it keeps its point, and is the same.
    assert {found.code for found in first.findings} == {"point_missing", "no_explanation"}
    assert (first.summary.total("change"), first.summary.blocked) == (1, 2)
    pointed = again(bank, clock, ref, points={"a.txt!甲": "A-002", "a.txt!乙": "A-001"})
    assert (pointed.summary.total("add"), pointed.summary.blocked) == (2, 0)
    assert {line.entry.point for line in pointed.lines} <= {"A-001", "A-002"}


def test_what_was_inferred_is_confirmed_and_said_otherwise_and_remembered(
    bank: flask.Flask, clock: FakeClock
) -> None:
    ref = check(bank, clock, ("a.txt", FILE))
    points = {"a.txt!甲": "A-002", "a.txt!乙": "A-001"}
    other = again(bank, clock, ref, adjust={"key": "false"}, points=points)
    assert other.summary.inferred[0].value == "false"
    assert other.summary.adjusted == {"key": "false"}
    with pytest.raises(InvalidInput) as refused:
        confirm(bank, clock, ref, understood=False)
    assert refused.value.code == "bank.not_understood"
    confirm(bank, clock, ref, understood=True)
    kept = sheet(bank, check(bank, clock, ("b.txt", FILE + "甲|应当登记。\n".encode())))
    assert (kept.summary.kept, kept.summary.inferred[0].value) == (ACTOR, "false")
    fresh = again(bank, clock, kept.standing.ref, afresh=True)
    assert (fresh.summary.kept, fresh.summary.inferred[0].value) == ("", "true")


def test_of_several_files_each_is_said_otherwise_by_its_name(bank: flask.Flask, clock: FakeClock) -> None:
    other = STEMS + "甲|应当登记。\n".encode()
    ref = check(bank, clock, ("a.txt", FILE), ("b.txt", other))
    assert [one.name for one in sheet(bank, ref).summary.inferred] == ["a.txt>key", "b.txt>key"]
    found = again(bank, clock, ref, adjust={"b.txt>key": "false"})
    assert [one.value for one in found.summary.inferred] == ["true", "false"]


def test_an_inferred_value_of_long_ago_that_no_file_knows_does_no_harm(
    bank: flask.Flask, clock: FakeClock
) -> None:
    ref = check(bank, clock, ("a.txt", FILE))
    assert again(bank, clock, ref, adjust={"column:Z": "stem"}).summary.inferred[0].value == "true"
