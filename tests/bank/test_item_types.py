"""Every type of item has its author's part, its texts, and its part on the answer page."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from cbt.interchange.tables.item_types import item_type
from cbt.items.types.answer_page import answer_parts
from cbt.items.types.registry import AUTHORING, authoring_of
from cbt.rules.items.content import ItemType
from cbt.rules.items.registry import TYPES
from tests.bank import drafts

FOLDERS = Path(__file__).parents[2] / "cbt" / "items" / "types"
every_type = pytest.mark.parametrize("kind", list(TYPES))
asked_type = pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != ItemType.CASE])


def test_every_type_has_its_authors_part() -> None:
    assert list(AUTHORING) == list(TYPES)


@every_type
def test_an_authors_part_is_in_the_folder_of_the_types_name(kind: str) -> None:
    assert type(AUTHORING[kind]).__module__ == f"cbt.items.types.{kind}.editor"


@every_type
def test_the_key_stands_in_a_field_the_type_has(kind: str) -> None:
    own = AUTHORING[kind]
    if kind != ItemType.CASE:
        assert own.key_field in TYPES[kind].fields


@every_type
def test_a_code_names_one_type_whose_items_get_refs(kind: str) -> None:
    own = AUTHORING[kind]
    for code in own.codes:
        assert item_type(code, choices=0, answer="") == kind
    assert bool(own.codes) == bool(own.letter)


def test_no_two_types_share_a_code_or_a_letter() -> None:
    codes = Counter(code for own in AUTHORING.values() for code in own.codes)
    letters = Counter(own.letter for own in AUTHORING.values() if own.letter)
    assert set(codes.values()) == set(letters.values()) == {1}


def test_of_a_type_there_is_none_of_nothing_is_said() -> None:
    own = authoring_of("riddle")
    assert own.key_field == "answer"
    assert [*own.errors(drafts.draft(drafts.truth()), "", {})] == []
    assert [*own.hints(drafts.draft(drafts.truth()), "", {})] == []


@every_type
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_type_has_a_name_where_authors_and_candidates_read_it(kind: str, language: str) -> None:
    said = (FOLDERS / kind / f"{language}.po").read_text("utf-8")
    assert f'msgid "bank.type.{kind}"' in said
    if kind != ItemType.CASE:
        assert f'msgid "delivery.type.{kind}"' in said


@asked_type
def test_a_type_has_its_module_on_the_answer_page_and_a_line_in_the_registry(kind: str) -> None:
    scripts = dict(answer_parts())
    assert re.search(r"^export const \w+ = \{", scripts[f"runner/items/{kind}.js"], re.MULTILINE)
    registry = scripts["runner/items/registry.js"]
    assert f'from "./{kind}.js"' in registry
    assert re.search(rf"^  {kind}: \w+,$", registry, re.MULTILINE)
