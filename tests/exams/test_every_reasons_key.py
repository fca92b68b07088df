"""No key of a file of reasons is without an effect: each is changed once, and people meet something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from cbt.blueprints import reason_file
from cbt.blueprints.store import read_reasons
from cbt.errors import InvalidInput
from cbt.http.i18n import catalogues
from cbt.results.sheet.sitting import sheet_of
from cbt.sittings.store import sitting_by_ref
from cbt.storage.unit_of_work import reading
from tests.exams.sources import REASONS, start_with_reasons
from tests.proctoring.desk import Desk, attempt, done, running
from tests.results.scene import finish
from tests.world import World

NOISE = '"Noise, disturbance"\nclause = "考场须知第 6 条"\ntier = "breach"\neffects = ["warning"]\n'
Seen = Callable[[World], object]


def listed(act: str, words: str, locale: str = "zh", **query: str) -> Seen:
    """Say whether the form of an act shows the words."""

    def look(world: World) -> object:
        running(world, "theory")
        desk = Desk(world)
        desk.client.set_cookie("locale", locale)
        return words in desk.ask(act, *(("theory",) if act in {"violation", "remind"} else ()), **query).text

    return look


def ends_the_paper(world: World) -> object:
    """Record noise, and say what closed the paper."""
    running(world, "theory")
    done(Desk(world).act("violation", "theory", code="noise", reason="大声说话", second="officer"))
    return attempt(world, "theory").closed_by


def points_left(world: World) -> object:
    """Record noise after the end, and say what the score of 72.5 comes to."""
    finish(world)
    done(Desk(world).act("violation", "theory", code="noise", reason="大声说话"))
    with world.app.app_context(), reading() as session:
        sheet = sheet_of(session, sitting_by_ref(session, world.sitting_ref))
    line = next(line for line in sheet.lines if line.row.candidate.name == world.sitters["theory"].name)
    assert line.decided is not None
    return line.decided.score


@dataclass(frozen=True)
class Case:
    """A key, what is written instead of what, and what is then seen: before, after."""

    key: str
    old: str
    new: str
    seen: Seen
    before: object
    after: object


CASES = [
    Case("violations.code", '"noise"', '"loud"', listed("violation", 'value="loud"'), False, True),
    Case("violations.zh", "喧哗、扰乱秩序", "大声喧哗", listed("violation", "大声喧哗"), False, True),
    Case("violations.en", "Noise, disturbance", "Loud", listed("violation", "Loud", "en"), False, True),
    Case("violations.retired", NOISE, NOISE + "retired = true\n", listed("violation", "喧哗"), True, False),
    Case(
        "violations.clause", "考场须知第 6 条", "机房守则第 2 条",
        listed("violation", "喧哗、扰乱秩序：违纪，机房守则第 2 条；"), False, True,
    ),
    Case(
        "violations.tier", NOISE, NOISE.replace("breach", "cheating"),
        listed("violation", "喧哗、扰乱秩序：作弊，"), False, True,
    ),
    Case(
        "violations.evidence", NOISE + 'evidence = ["statement"', NOISE + 'evidence = ["video"',
        listed("violation", "考场须知第 6 条；证据：录像、"), False, True,
    ),
    Case("violations.effects", NOISE, NOISE.replace("warning", "terminate"), ends_the_paper, None, "violation"),
    Case(
        "violations.deduct", NOISE, NOISE.replace('"warning"]', '"deduct"]\ndeduct = 5'),
        points_left, Decimal("72.5"), Decimal("67.5"),
    ),
    Case("reasons.code", '"power"', '"mains"', listed("hold", 'value="mains"'), False, True),
    Case("reasons.zh", '"停电"', '"供电中断"', listed("hold", "供电中断"), False, True),
    Case("reasons.en", '"Power"', '"Power cut"', listed("hold", "Power cut", "en"), False, True),
    Case(
        "reasons.retired", 'en = "Power"\n', 'en = "Power"\nretired = true\n',
        listed("hold", 'value="power"'), True, False,
    ),
    Case("messages.code", '"own_seat"', '"seat"', listed("remind", 'id="preset-seat"'), False, True),
    Case("messages.zh", "请坐到自己的机位", "请回到机位", listed("remind", "请回到机位"), False, True),
    Case("messages.en", "your own seat", "your place", listed("remind", "your place", "en"), False, True),
    Case(
        "messages.retired", 'code = "own_seat"\n', 'code = "own_seat"\nretired = true\n',
        listed("remind", "请坐到自己的机位"), True, False,
    ),
]  # fmt: skip


def test_every_key_has_a_case() -> None:
    keys = {f"{name}.{field.key}" for name, fields in reason_file.LISTS.items() for field in fields}
    assert {case.key for case in CASES} | {"schema"} == keys | {field.key for field in reason_file.TOP}
    assert len(CASES) == len(keys)


@pytest.mark.parametrize("changed", [False, True], ids=["as shipped", "changed"])
@pytest.mark.parametrize("case", CASES, ids=[case.key for case in CASES])
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_key_changes_what_people_meet(world: World, tmp_path: Path, case: Case, changed: bool) -> None:
    assert case.old in REASONS
    text = REASONS.replace(case.old, case.new, 1) if changed else REASONS
    start_with_reasons(world.app, tmp_path, text, now=world.clock.now())
    assert case.seen(world) == (case.after if changed else case.before)


def test_another_schema_is_refused() -> None:
    with catalogues(), pytest.raises(InvalidInput, match=r"reasons\.refused"):
        read_reasons(REASONS.replace("schema = 1", "schema = 2"), name="reasons.toml")
