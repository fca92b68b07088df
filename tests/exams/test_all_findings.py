"""Everything that is wrong with a blueprint is said at once: what cannot be read hides no wrong sum."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.blueprints.reader import read, shape_at
from tests.exams.sources import minutes, shipped

SOUND = shipped("l3").read_text("utf-8")

UNREAD = {
    'select = "required"': 'select = "any"',
    "calculator = true": "calculator = 1",
    "lock_down = true": "lock_dwn = true",
    'late_from = "report_at"': 'late_from = "noon"',
    'aliases = ["客服服务管理员", "客户服务管理师"]': 'aliases = "客服"',
    'ref = "customer-service-l3"\n': "",
    'name = "服务职责及规范要求"\n': "",
}
ADDED = {
    "count = 40": ("count = 41", "blueprint.points_sum"),
    "minutes = 15": ("minutes = 14", "blueprint.minutes_sum"),
    "years = 2": ("years = 0", "blueprint.not_positive"),
    "number = 3": ("number = 5", "blueprint.unit_number"),
    "report = 30": ("report = 50", "blueprint.before_check_in"),
    "warnings = [15, 5, 1]": ("warnings = [15, 5, 45]", "blueprint.warning_outside"),
}


def codes(text: str) -> list[str]:
    blueprint, flaws = read(text)
    assert (blueprint is None) == bool(flaws)
    return [flaw.code for flaw in flaws]


@settings(max_examples=40)
@given(st.sets(st.sampled_from(sorted(UNREAD))), st.sets(st.sampled_from(sorted(ADDED))))
def test_what_cannot_be_read_hides_nothing_that_does_not_add_up(unread: set[str], added: set[str]) -> None:
    text = SOUND
    for old in unread:
        text = text.replace(old, UNREAD[old], 1)
    for old in added:
        text = text.replace(old, ADDED[old][0], 1)
    found = codes(text)
    rules = [code for code in found if code in {one for _, one in ADDED.values()}]
    assert sorted(rules) == sorted(ADDED[old][1] for old in added)
    assert len(found) >= len(unread) + len(added)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("count = 40", 'count = "40"', id="a count that is a text"),
        pytest.param("count = 40", "coun = 40", id="a count by another name"),
        pytest.param("points_each = 1\n", "", id="no points"),
        pytest.param("minutes = 10", "minutes = []", id="minutes that are a list"),
        pytest.param("minutes = 45", "minuts = 45", id="a time by another name"),
        pytest.param(
            "[[papers.theory.sections]]", "[[papers.theory.section]]", id="sections by another name"
        ),
        pytest.param("pass_points = 60", 'pass_points = "60"', id="a pass mark that is a text"),
        pytest.param(
            "[papers.theory]\n", "[papers]\nother = 1\n[papers.theory]\n", id="a paper that is a number"
        ),
        pytest.param('type = "true_false"', 'type = "yes_no"', id="a type there is not"),
        pytest.param(
            "[papers.theory.submit]\nearliest = 30", "[papers.theory.submt]\nearliest = 30", id="a table"
        ),
    ],
)
def test_nothing_is_said_that_depends_on_what_cannot_be_read(old: str, new: str) -> None:
    assert old in SOUND
    found = codes(SOUND.replace(old, new))
    assert found
    unread = {
        "blueprint.key_missing",
        "blueprint.key_unknown",
        "blueprint.value_type",
        "blueprint.value_unknown",
    }
    assert set(found) <= unread


@pytest.mark.parametrize("depth", [40, 400, 700])
def test_tables_within_tables_without_end_are_refused_like_any_other(depth: int) -> None:
    assert codes(f"{SOUND}\n[{'.'.join('a' * depth)}]\n") == ["blueprint.key_unknown"]


def test_every_key_of_a_blueprint_has_a_shape() -> None:
    def paths(data: dict[str, object], here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
        found: list[tuple[str | int, ...]] = []
        for key, value in data.items():
            found.append((*here, key))
            if isinstance(value, dict) and key != "credit":
                found += paths(value, (*here, key))
            if isinstance(value, list) and value and isinstance(value[0], dict):
                found += paths(value[0], (*here, key, 0))
        return found

    for path in paths(tomllib.loads(SOUND, parse_float=Decimal)):
        assert (shape_at(path) is None) == (len(path) == 2 and path[0] == "papers"), path


def test_warnings_that_are_not_written_fit_a_short_paper() -> None:
    spans = iter(["10", "7", "2", "3", "1", "1"])
    short = re.sub(r"(?m)^(unit_)?warnings = .*\n", "", SOUND)
    short = re.sub(r"(?m)^minutes = \d+", lambda _: f"minutes = {next(spans)}", short)
    blueprint, flaws = read(short.replace("earliest = 30", "earliest = 3"))
    assert blueprint is not None, flaws
    theory, skills = blueprint.papers["theory"], blueprint.papers["skills"]
    assert theory.warnings == (minutes(5), minutes(1))
    assert (skills.warnings, skills.unit_warnings) == ((minutes(5), minutes(1)), ())


def test_warnings_that_are_written_are_held_to_the_time() -> None:
    assert codes(
        SOUND.replace("minutes = 45", "minutes = 10", 1).replace("earliest = 30", "earliest = 3", 1)
    ) == ["blueprint.warning_outside"]
