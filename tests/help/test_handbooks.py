"""The handbooks: both languages say the same, what they name is on the screen, and nothing leads nowhere."""

from __future__ import annotations

import re
from functools import cache

import pytest

from cbt.help.handbooks import FOLDER, handbook, parts_of, size_of, source_of
from cbt.help.places import ACCOUNT, CANDIDATE, HANDBOOKS, readable
from cbt.paths import product_dir
from cbt.rules.roles import GIVEN, Role
from cbt.translations.compiler import LANGUAGES, texts_of
from tests.journeys.pictures import MOST_BYTES, OF_HANDBOOKS

LABEL = re.compile(r"\*\*(.+?)\*\*")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)#]*)#?([^)]*)\)")
PICTURE = re.compile(r"!\[([^\]]+)\]\(\.\./\.\./\.\./static/help/(\w+)\.(\w+)\.png\)")
WIDTH = 1366


@cache
def texts(language: str) -> dict[str, str]:
    """Return the texts of the screen by their ids."""
    return texts_of(language)


def parts(name: str, language: str) -> list[tuple[str, str, str]]:
    """Return id, heading and text of each section, what stands before them first."""
    return list(parts_of(source_of(name, language)))


def names_of(label: str, language: str) -> set[str]:
    """Return the ids of the texts that a label is."""
    return {name for name, text in texts(language).items() if text == label}


def shape(text: str) -> tuple[int, ...]:
    """Return how many rows, steps, pictures and links a section has."""
    return tuple(
        len(re.findall(sign, text)) for sign in (r"(?m)^\|", r"(?m)^\d\.", r"!\[", r"(?<!!)\[[^\]]+\]\(")
    )


def test_every_role_that_is_given_has_a_handbook_and_nobody_else() -> None:
    wanted = {CANDIDATE, ACCOUNT, *GIVEN, Role.UNIT_CLERK}
    assert HANDBOOKS.keys() == wanted
    for language in LANGUAGES:
        files = {path.stem for path in (product_dir("docs") / FOLDER / language).iterdir()}
        assert files == wanted
    for role in (*GIVEN, Role.UNIT_CLERK):
        assert readable({role.value})[0] == role
    assert set(readable({"unit_clerk"})) == {"unit_clerk", ACCOUNT, CANDIDATE}


@pytest.mark.parametrize("name", HANDBOOKS)
def test_both_languages_say_the_same(name: str) -> None:
    """The same sections in the order of the table, of the same shape, that name the same texts of the screen."""
    chinese, english = parts(name, "zh"), parts(name, "en")
    assert [one[0] for one in chinese] == [one[0] for one in english] == ["", *HANDBOOKS[name]]
    for (section, _, here), (_, _, there) in zip(chinese, english, strict=True):
        assert shape(here) == shape(there), section
        labels = {label: names_of(label, "zh") for label in LABEL.findall(here)}
        others = {label: names_of(label, "en") for label in LABEL.findall(there)}
        for one, two in ((labels, others), (others, labels)):
            lost = [label for label, ids in one.items() if not any(ids & these for these in two.values())]
            assert lost == [], section


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_in_them_leads_nowhere(language: str) -> None:
    """Links lead to sections of handbooks that each reader of this one may read, too."""
    broken = []
    for name in HANDBOOKS:
        may = {name} if name in (ACCOUNT, CANDIDATE) else set(readable({name}))
        for section, _, text in parts(name, language):
            for target, anchor in LINK.findall(text):
                book = target.removesuffix(".md") or name
                if book not in may or (anchor and anchor not in HANDBOOKS[book]):
                    broken.append((name, section, target, anchor))
    assert broken == []


def test_each_picture_is_one_of_the_command_and_small() -> None:
    shown = set()
    for language in LANGUAGES:
        for name in HANDBOOKS:
            found = PICTURE.findall(source_of(name, language))
            assert len(found) == source_of(name, language).count("![") <= 2, name
            assert {of for _, _, of in found} <= {language}
            shown |= {(picture, of) for _, picture, of in found}
    assert shown == {(picture, language) for picture in OF_HANDBOOKS for language in LANGUAGES}
    files = {path.name for path in (product_dir("static") / "help").glob("*.png")}
    assert files == {f"{picture}.{language}.png" for picture, language in shown}
    for name in files:
        assert (product_dir("static") / "help" / name).stat().st_size <= MOST_BYTES, name
        assert size_of(f"help/{name}")[0] == WIDTH


def test_a_text_of_a_handbook_is_text() -> None:
    """What is written as HTML is shown as it is written, and what is searched has no signs of layout."""
    book = handbook("candidate", "zh", lambda name, section: f"/{name}#{section}", lambda name: f"/{name}")
    answering = next(section for section in book.sections if section.id == "answering")
    assert '<img src="/help/answering.zh.png" alt="' in answering.html
    assert 'width="1366"' in answering.html
    assert "<code>PageDown</code>" in answering.html
    assert "**" not in answering.words
    assert "<" not in answering.words
    assert "答题卡" in answering.words
