"""Every act has all its pieces: a form, a reader, its doing, its texts; what an act lacks is named."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from types import ModuleType

import pytest

from cbt.paths import product_dir
from cbt.proctoring.act import Act, ActRequest, ActResult, ActScope, always
from cbt.proctoring.acts import registry
from cbt.translations.compiler import texts_of

FIELDS = product_dir("templates") / "proctoring" / "acts" / "fields"
STAND_ALONE = {"code"}
"""The page of the 登录码 says for itself what was done."""
NO_SECOND = next(one.default for one in fields(Act) if one.name == "second")
FILLED_IN = re.compile(r'\b(?:field|select|radios|textarea|checkbox)\("(\w+)"')
READ_BY = {
    "minutes": r"\bread_minutes\(",
    "reason": r"\bread_(?:reason(?:_of)?|filled)\(",
    "evidence_": r"\bread_filled\(",
    "reason_code": r"\bread_reason_(?:code|of)\(",
}

# The usual acts, and those behind 更多.
BEFORE = (
    ("arrive", "check_in", "code", "absent"),
    ("allow_sign_in", "clear_query", "move", "undo_absent", "incident"),
)
RUNNING = (
    ("remind", "adjust", "suspend", "resume", "move", "violation", "force"),
    ("answer_hand", "check_in", "code", "allow_sign_in", "clear_query", "leave", "return", "incident", "reopen",
     "absent", "undo_absent"),
)  # fmt: skip


def texts() -> Mapping[str, set[str]]:
    return {
        language: {name for name, text in texts_of(language).items() if text.strip()}
        for language in ("zh", "en")
    }


def lacks(act: Act, known: Mapping[str, set[str]]) -> Iterator[str]:
    """Name what an act lacks."""
    for name in act.fields:
        if not (FIELDS / f"_{name}.html").is_file():
            yield f"the template of its field {name}"
    wanted = {f"proctoring.{part}.{act.code}" for part in ("act", "about", "do")}
    if act.code not in STAND_ALONE:
        wanted.add(f"proctoring.said.{act.code}")
    if {"reason", "reason_optional"}.intersection(act.fields):
        wanted.add(f"proctoring.reasons.{act.code}")
    wanted |= {f"proctoring.log.{kind}" for kind in logged(act)}
    wanted.add(f"proctoring.log.undo_{act.code}" if act.undoable else f"proctoring.final.{act.final}")
    for language, ids in known.items():
        yield from (f"{language}: {one}" for one in sorted(wanted - ids))
    source = doing(act)
    if "acting(request)" not in source:
        yield "a doing at the desk"
    for name in sorted(asked_for(act)):
        if not re.search(READ_BY.get(name, f'"{name}"'), inspect.getsource(sys.modules[act.do.__module__])):
            yield f"a reader of {name}"
    if act.scope is not ActScope.ROOM and act.head is not None:
        yield "a reason to stand in the board's head: it is about seats"
    if act.second is always and "need_second()" not in source:
        yield "insisting on the second person its form asks for"
    if "need_second()" in source or "count_time(" in source:
        if act.second is NO_SECOND:
            yield "whether its form asks for a second person"
        if not act.lines:
            yield "the lines a second person reads"
    if act.undoable == bool(act.final):
        yield "either a way to take it back, or why there is none"
    if act.undoable and "desk.remember(" not in source:
        yield "what it keeps for being taken back"


def asked_for(act: Act) -> set[str]:
    """What the parts of an act's form let somebody fill in."""
    parts = [path for name in act.fields if (path := FIELDS / f"_{name}.html").is_file()]
    found = {one for path in parts for one in FILLED_IN.findall(path.read_text("utf-8"))}
    coded = any("fields/_reason_code.html" in path.read_text("utf-8") for path in parts)
    return found | ({"reason_code"} if coded else set())


def doing(act: Act) -> str:
    return inspect.getsource(act.do)


def logged(act: Act) -> set[str]:
    """The kinds of log lines an act's doing writes in full."""
    return set(re.findall(r'desk\.log\(\s*"(\w+)"', doing(act)))


@pytest.mark.parametrize("code", list(registry.ACTS))
def test_an_act_has_all_its_pieces(code: str) -> None:
    assert list(lacks(registry.ACTS[code], texts())) == []


def test_what_an_act_lacks_is_named() -> None:
    def do(_asked: ActRequest) -> ActResult:
        return ActResult("nonesuch")

    bare = Act("nonesuch", ActScope.SEATS, do, fields=("nonesuch", "to_nobody"), second=always)
    assert list(lacks(bare, {"zh": {"proctoring.act.nonesuch"}, "en": set()})) == [
        "the template of its field nonesuch",
        "the template of its field to_nobody",
        "zh: proctoring.about.nonesuch",
        "zh: proctoring.do.nonesuch",
        "zh: proctoring.final.",
        "zh: proctoring.said.nonesuch",
        "en: proctoring.about.nonesuch",
        "en: proctoring.act.nonesuch",
        "en: proctoring.do.nonesuch",
        "en: proctoring.final.",
        "en: proctoring.said.nonesuch",
        "a doing at the desk",
        "insisting on the second person its form asks for",
        "either a way to take it back, or why there is none",
    ]
    unread = replace(registry.ACTS["rebind"], fields=("escort",))
    assert list(lacks(unread, texts())) == ["a reader of escort"]


def test_no_two_acts_have_one_code() -> None:
    assert len(registry.ACTS) == len(registry.EVERY)


def test_every_module_of_acts_is_registered() -> None:
    modules = [
        module
        for module in vars(registry).values()
        if isinstance(module, ModuleType) and module.__name__.startswith("cbt.")
    ]
    folder = product_dir("templates").parent / "cbt" / "proctoring" / "acts"
    with_acts = {
        path.stem
        for path in folder.rglob("*.py")
        if re.search(r"^\w*ACTS = \($", path.read_text("utf-8"), re.MULTILINE)
    }
    assert with_acts == {one.__name__.rsplit(".", 1)[-1] for one in modules}


def test_every_template_of_a_field_belongs_to_an_act() -> None:
    used = {name for act in registry.ACTS.values() for name in act.fields} | {"reason_code"}
    assert {path.stem.removeprefix("_") for path in FIELDS.glob("*.html")} == used


@pytest.mark.parametrize(("started", "expected"), [(False, BEFORE), (True, RUNNING)])
def test_the_bar_offers_the_acts_in_their_order(started: bool, expected: tuple[tuple[str, ...], ...]) -> None:
    offered = registry.bar(started=started)
    assert tuple(tuple(act.code for act in group) for group in offered) == expected


@pytest.mark.parametrize("place", ["before", "running", "head"])
def test_no_two_acts_stand_at_one_place(place: str) -> None:
    found = [getattr(act, place) for act in registry.ACTS.values()]
    taken = [(one.rank, one.apart if place == "head" else one.usual) for one in found if one is not None]
    assert len(set(taken)) == len(taken)


def test_the_manual_says_of_every_act_whether_it_can_be_taken_back() -> None:
    """Of the table in docs/exam-day.md, whose first cell names the acts of a row."""
    manual = (product_dir("templates").parent / "docs" / "exam-day.md").read_text("utf-8")
    section = manual.partition("\n## 撤销\n")[2].partition("\n## ")[0]
    lines = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")]
    said = {name: line[1] == "可以" for line in lines for name in line[0].removeprefix("| ").split("、")}
    said.pop("操作")
    words = texts_of("zh")
    names = {code: words[f"proctoring.act.{code}"].replace("…", "") for code in registry.ACTS}
    assert said == {names[code]: act.undoable for code, act in registry.ACTS.items()}
