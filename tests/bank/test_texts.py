"""Every finding and refusal has its sentences in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cbt
from cbt.http.i18n import catalogues
from cbt.items.draft import ItemDraft
from cbt.items.finding_texts import field_label, note
from cbt.spreadsheets.findings import Finding, Place, Severity
from cbt.translations.compiler import texts_of
from tests.bank import drafts

ROOT = Path(cbt.__file__).parent
SOURCES = [
    path for room in ("bank", "interchange", "items", "blueprints") for path in (ROOT / room).rglob("*.py")
]
# The code stands beside the severity, or is handed to one of these helpers.
_LINT = re.compile(
    r"(?:Severity\.(?:ERROR|HINT),\s*|wrong\(|row\.error\(|put_right\(|_SHARE, )"
    r'"([a-z_]+)"'
)
_ERROR = re.compile(
    r'(?:InvalidInput|NotFound|Conflict|Finding)\(\s*(?:\([^)]*\),\s*)?"((?:bank|blueprint)\.[a-z_]+)"'
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_code_in_the_source_has_its_sentences(language: str) -> None:
    known = {name for name, text in texts_of(language).items() if text}
    source = "\n".join(path.read_text("utf-8") for path in SOURCES)
    lint, errors = {*_LINT.findall(source), "key_longest", "key_shortest"}, set(_ERROR.findall(source))
    assert len(lint) > 50
    assert len(errors) > 15
    wanted = {f"bank.lint.{code}.{part}" for code in lint for part in ("why", "fix")}
    wanted |= {f"error.{code}.{part}" for code in errors for part in ("what", "fix")}
    assert wanted - known == set()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("stem", "题干"),
        ("", "试题"),
        ("choice_E", "选项E"),
        ("choices.2", "选项B"),
        ("parts.2.answer", "第 2 小题 答案"),
        ("parts.3", "第 3 小题"),
    ],
)
def test_a_field_has_a_name(name: str, label: str) -> None:
    with catalogues():
        assert field_label(name) == label


def test_a_finding_reads_as_place_reason_and_remedy() -> None:
    item: ItemDraft = drafts.draft(drafts.truth())
    found = item.find(
        Severity.ERROR, "point_unknown_near", "point", "A-A-A-15", near="A-A-A-014", near_name="廉洁自律"
    )
    with catalogues():
        said = note(found)
    assert str(said.place) == "items.toml:1"
    assert said.severity_label == "错误"
    assert said.why == "细目表里没有鉴定点 A-A-A-15。"
    assert said.fix == "是否是 A-A-A-014“廉洁自律”？"


@pytest.mark.parametrize(
    ("code", "value", "said"),
    [
        pytest.param("answer", "", "答案没有填写。", id="no key at all"),
        pytest.param("answer", "E", "答案“E”与题目对不上。", id="a key that does not fit"),
        pytest.param("weights_sum", "—", "一级鉴定范围的比重合计是 90%，应为 100%。", id="the first level"),
    ],
)
def test_what_is_found_of_nothing_or_of_the_whole_has_words_of_its_own(
    code: str, value: str, said: str
) -> None:
    found = Finding(
        Severity.ERROR, code, Place("items.toml"), value, params={"field": "answer", "weight": 100, "sum": 90}
    )
    with catalogues():
        assert note(found).why == said


def test_another_row_of_a_sheet_is_named_as_people_find_it() -> None:
    row = Place("题库.xlsx", "试题", 8, "C")
    found = drafts.draft(drafts.truth()).find(Severity.HINT, "near_duplicate", "stem", other=row, percent=96)
    with catalogues():
        assert note(found).why == "与 试题 · 第 8 行 的题干有 96% 相同。"
