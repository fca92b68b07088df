"""A type of item is one folder: one that no product has goes through everything by being there."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cbt.bank.lint.check import check_items
from cbt.interchange import intake, registry
from cbt.interchange.format import Export
from cbt.interchange.tables.item_types import item_type, named_type
from cbt.items import types
from cbt.items.draft import ItemDraft
from cbt.items.types import folders
from cbt.items.types.registry import AUTHORING
from cbt.rules.assembly.form import drawable_of
from cbt.rules.items.content import ItemType, PartialCredit
from cbt.rules.items.registry import TYPES, parse_content
from cbt.rules.items.response import is_answered, parse_answer
from tests.bank import drafts, toys
from tests.bank.toys.riddle.rules import NAME, Riddle

DATA = drafts.truth("千条线，万条线，掉到河里都不见。", type=NAME, answer="雨")
HOLD_IT = ("common", "gift", "moodle", "national", "qti22", "qti30", "text")
"""The forms in which a riddle goes out: those its folder has a mapping for, and our own texts."""


def _forget() -> None:
    folders.kinds.cache_clear()
    folders.module_of.cache_clear()


@pytest.fixture(autouse=True)
def riddles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the folder of the toy beside the others, its rules among the rules, its name among the names."""
    member = str.__new__(ItemType, NAME)
    member._name_, member._value_ = "RIDDLE", NAME
    monkeypatch.setitem(ItemType._member_map_, "RIDDLE", member)
    monkeypatch.setitem(ItemType._value2member_map_, NAME, member)
    monkeypatch.setattr(Riddle, "type", member, raising=False)
    monkeypatch.setitem(TYPES, member, Riddle)  # type: ignore[arg-type]  # it is a dict, which nobody changes
    monkeypatch.setattr(types, "__path__", [*types.__path__, str(Path(toys.__file__).parent)])
    _forget()
    yield
    _forget()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files here: a child of ours knows the folders of the product and no others."""

    def run(task: str, content: bytes, **_limits: Any) -> bytes:
        module, _, name = task.partition(":")
        said: bytes = getattr(import_module(module), name)(content)
        return said

    monkeypatch.setattr(intake, "run", run)


def test_it_is_met_checked_and_hinted_at() -> None:
    assert NAME in AUTHORING
    found = check_items([drafts.draft(DATA)], drafts.TAXONOMY, where=drafts.WHERE, whole=False)
    assert [one.data["type"] for one in found.items] == [NAME]
    told = drafts.draft(DATA | {"answer": "线"})
    hinted = check_items([told], drafts.TAXONOMY, where=drafts.WHERE, whole=False)
    assert "no_reference" in drafts.codes(hinted.findings)
    assert [item_type("R", choices=0, answer=""), named_type("谜语题")] == [NAME, NAME]


def test_it_is_drawn_answered_and_scored() -> None:
    content = parse_content(DATA)
    drawable = drawable_of(content, ref="R-1", version=1, sha="x", range_code="R", importance="X")
    assert drawable.type == NAME
    position = {"type": NAME, **Riddle.arrange(drawable.shape, random.Random(1), shuffle=True)}
    given = parse_answer(position, "雨")
    assert given is not None
    assert is_answered(position, given)
    for word, share in (("雨", 1), ("雪", 0)):
        answer = parse_answer(position, word)
        assert answer is not None
        earned = content.share(position, answer, (content.answer_key,), PartialCredit.ALL_OR_NOTHING)
        assert earned == Fraction(share)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("form", registry.out_forms())
def test_it_goes_out_and_comes_in_in_each_form_it_has_a_mapping_for(form: str, tmp_path: Path) -> None:
    target = io.BytesIO()
    export = Export("bank", "题库", drafts.TAXONOMY, [ItemDraft("R-1", DATA, {})])
    out = registry.out_form(form)
    out.write(export, target)
    assert (NAME in out.carries, export.written) == (form in HOLD_IT, int(form in HOLD_IT))
    if form not in HOLD_IT:
        return
    content: bytes | Path = target.getvalue()
    if form == "text":  # which is read from a folder
        with zipfile.ZipFile(target) as archive:
            archive.extractall(tmp_path)
        content = tmp_path / "bank"
    back = registry.read(content, f"bank{out.ending}")
    assert [(one.data["type"], one.data["stem"], one.data["answer"]) for one in back.items] == [
        (NAME, DATA["stem"], DATA["answer"])
    ]


def test_without_its_folder_nobody_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    _forget()
    assert NAME not in folders.kinds()
    assert named_type("谜语题") == ""
