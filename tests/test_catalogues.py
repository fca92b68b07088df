"""The catalogues: complete, the same in both languages, and each in its language."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from babel.messages.mofile import read_mo

from cbt.http import i18n
from cbt.http.i18n import script_texts
from cbt.rules.states import ApplicationState
from cbt.translations.checker import problems, used_ids
from cbt.translations.compiler import HERE, LANGUAGES, texts_of

HAN = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+")
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w+\}")
FORMATTED = re.compile(r"%\(\w+\)")

# Chinese that has to stand in an English text as it is: headers and cells of a sheet, marks in a stem.
PRODUCT_TERMS = frozenset(
    {
        *("鉴定点代码", "题目类型代码", "试题", "题干", "答案", "解析", "选项"),
        *("对", "错", "不", "（　　）", "；", "［图］"),
        *(
            "三级",
            "二级",
            "理论知识",
            "专业能力考核",
            "男",
            "女",
            "新考",
            "补考",
            "职业",
            "加时",
            "分钟",
            "倍",
        ),
        *("荧光笔", "阅读尺", "放大镜", "朗读", "选项遮盖"),
        *("理论知识、专业能力", "两科", "合理便利（加时）", "证件类型", "月", "日上午", "、"),
    }
)


@pytest.fixture(scope="module")
def catalogues() -> dict[str, dict[str, str]]:
    """The texts of each language by their id."""
    return {language: texts_of(language) for language in LANGUAGES}


def test_every_text_is_there_in_both_languages() -> None:
    assert problems() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_the_name_of_the_room_that_says_its_texts(language: str) -> None:
    rooms = {path.stem for path in HERE.parent.iterdir()}
    assert {path.stem for path in (HERE / language).glob("*.po")} - rooms == {"ui"}


def test_the_check_sees_the_texts_of_the_product() -> None:
    used = used_ids()
    assert {"ui.product", "error.db.key_missing.what", "error.db.key_missing.fix"} <= used.keys()


def test_english_texts_hold_no_chinese_but_the_product_terms(catalogues: dict[str, dict[str, str]]) -> None:
    left = {
        name: strange
        for name, text in catalogues["en"].items()
        if (strange := [run for run in HAN.findall(text) if run not in PRODUCT_TERMS])
    }
    assert left == {}


def test_chinese_texts_are_chinese(catalogues: dict[str, dict[str, str]]) -> None:
    """A text of several English words that is the same in both languages was left behind."""
    left = [
        name
        for name, text in catalogues["zh"].items()
        if not HAN.search(text) and len(re.findall(r"[A-Za-z]{2,}", PLACEHOLDER.sub("", text))) > 1
    ]
    assert left == []


def test_placeholders_are_the_same_in_both_languages(catalogues: dict[str, dict[str, str]]) -> None:
    differing = [
        name
        for name, text in catalogues["zh"].items()
        if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(catalogues["en"][name]))
    ]
    assert differing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_that_a_refusal_names_has_a_name(
    catalogues: dict[str, dict[str, str]], language: str
) -> None:
    ids = {f"rules.application.state.{state.value}" for state in ApplicationState}
    assert ids <= catalogues[language].keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_with_placeholders_can_be_filled_in(
    catalogues: dict[str, dict[str, str]], language: str
) -> None:
    """A lone per cent sign beside a placeholder breaks the page that shows it."""
    for name, text in catalogues[language].items():
        if FORMATTED.search(text):
            assert "%(" not in text % defaultdict(str), name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("folder", "room", "groups"),
    [
        ("runner", "delivery", ()),
        ("runner/tools", "answering", ("tools",)),
        ("runner/practice", "answering", ("practice",)),
        ("bank", "delivery", ()),
        ("assembly", "assembly", ("preview",)),
        ("proctoring", "proctoring", ("age", "bar", "clock", "comma")),
    ],
)
def test_what_a_page_s_scripts_say_comes_with_the_page(
    folder: str, room: str, groups: tuple[str, ...], language: str
) -> None:
    given = script_texts(language, room, *groups)
    heads = {name.split(".")[0] for name in given}
    scripts = [path.read_text("utf-8") for path in (HERE.parents[1] / "static" / folder).rglob("*.js")]
    named = {name for text in scripts for name in re.findall(r'"([a-z_]+\.[a-z_.]+)"', text)}
    said = {name for name in named if name.split(".")[0] in heads}
    assert said
    assert said - given.keys() == set()


def test_the_texts_of_a_language_are_read_once_for_all_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(i18n, "read_mo", lambda file: read.append(file.name) or read_mo(file))
    for kept in (i18n.script_texts, i18n._read):
        kept.cache_clear()
    for language in LANGUAGES:
        assert [bool(script_texts(language, room)) for room in ("delivery", "answering", "bank")] == [
            True
        ] * 3
    assert len(read) == len(LANGUAGES)
