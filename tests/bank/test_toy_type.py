"""A type of item is one folder: one that no product has goes through everything by being there."""

from __future__ import annotations

import io
import random
import re
import shutil
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cbt.bank.lint.check import check_items
from cbt.http.static import join_scripts, join_sheets, joined_name
from cbt.interchange import intake, registry
from cbt.interchange.format import Export
from cbt.interchange.tables.item_types import item_type, named_type
from cbt.items import types
from cbt.items.draft import ItemDraft
from cbt.items.types import folders
from cbt.items.types.answer_page import answer_parts
from cbt.items.types.registry import AUTHORING
from cbt.paths import product_dir
from cbt.rules.assembly.form import drawable_of
from cbt.rules.items.content import ItemType, PartialCredit
from cbt.rules.items.registry import TYPES, parse_content
from cbt.rules.items.response import is_answered, parse_answer
from cbt.runner.views import ENTRY
from cbt.translations.compiler import HERE, texts_of
from tests.bank import drafts, toys
from tests.bank.test_editing_forms import BANK
from tests.bank.toys.riddle.editor import RiddleAuthoring
from tests.bank.toys.riddle.rules import NAME, Riddle
from tests.world import World

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


def test_an_author_fills_in_the_form_of_its_folder(world: World) -> None:
    client = world.staff("author")
    page = client.get(f"/bank/{BANK}/new/{NAME}").text
    assert 'name="answer"' in page
    fields = {"stem": DATA["stem"], "point": "A-A-A-001", "answer": "雨", "do": "save"}
    assert client.post(f"/bank/{BANK}/new/{NAME}", data=fields).status_code == 303


def test_the_answer_page_has_its_script_and_its_style() -> None:
    files = {
        path.relative_to(product_dir("static")).as_posix(): path.read_text("utf-8")
        for path in product_dir("static").rglob("*")
        if path.suffix in {".js", ".css"}
    } | dict(answer_parts())
    joined = join_scripts(files, ENTRY)[joined_name(ENTRY)]
    assert "riddle: riddle," in joined
    assert "const riddle = { render };" in joined
    assert ".riddle { margin: 0; }" in join_sheets(files, "runner/page.css")


@pytest.mark.parametrize(("language", "name"), [("zh", "谜语"), ("en", "Riddle")])
def test_its_texts_are_its_own(language: str, name: str, tmp_path: Path) -> None:
    shutil.copytree(HERE, tmp_path / "translations")
    shutil.copytree(Path(toys.__file__).parent, tmp_path / "items" / "types")
    texts = texts_of(language, tmp_path / "translations")
    for head in ("bank.type", "exams.type", "delivery.type"):
        assert texts[f"{head}.{NAME}"] == name


def test_a_virtual_candidate_answers_it() -> None:
    assert AUTHORING[NAME].any_answer({"type": NAME}, random.Random(1)) in RiddleAuthoring.guesses


WITH_EVERY_TYPE = {
    "cbt/rules/items/content.py": "its name",
    "blueprints/blueprint.schema.json": "what a blueprint may ask for, by `make schema`",
}
"""Where a type is named outside of its folder and of the module of its rules."""
SHARED = {
    "cbt/interchange/raw_items.py": "how readers of several formats put an item",
    "cbt/interchange/qti/reader.py": "QTI 1.2, which is only read",
    "cbt/runner/practice_views.py": "the sample paper, which has nine items",
    "cbt/results/key_corrections/typed_answers.py": "what an office types as another key: numbers of steps",
    "static/runner/guard.js": "what may be dragged where pages are locked down",
}
"""Where 排序 is named for a reason of its own, which a new type need not have."""


def test_outside_of_its_folder_a_type_is_named_in_three_files() -> None:
    root = product_dir("static").parent
    own = {"cbt/rules/items/ordering.py", *WITH_EVERY_TYPE}
    assert len(own) <= 3
    found = {
        path.relative_to(root).as_posix()
        for tree in ("cbt", "static", "templates", "blueprints")
        for path in (root / tree).rglob("*")
        if path.suffix in {".py", ".html", ".js", ".css", ".json"}
        and "cbt/items/types/ordering" not in path.as_posix()
        and re.search(r"\bordering\b|ORDERING", path.read_text("utf-8"))
    }
    assert found - SHARED.keys() <= own
    assert WITH_EVERY_TYPE.keys() <= found


def test_without_its_folder_nobody_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    _forget()
    assert NAME not in folders.kinds()
    assert named_type("谜语题") == ""
