"""Ten thousand look-ups tell nothing: one answer for all that is wrong, for the same work (R-94).

That the page of that answer is one text of one size is seen through the browser's door in test_certificates.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from bench.look_ups.register import fill, number_of
from cbt.certificates import look_up
from cbt.certificates.models import Certificate
from cbt.errors import TooMany
from cbt.http.auth.machine import Machine
from cbt.rules.certificates import KeyStretch, record_ref, stretched
from cbt.storage import prepared
from cbt.storage.unit_of_work import reading
from tests.certificates.test_certificates import BOTH, LIST, given, qualify, set_parts
from tests.certificates.test_publishing import certified, published
from tests.growth.scene import count_rows
from tests.helpers import count_queries, count_raw_readings
from tests.world import World

__all__ = ["certified"]

MANY = 10_000


@dataclass(frozen=True)
class Pairs:
    """Wrong pairs of number and name, as somebody who goes through all of them tries."""

    unknown: list[tuple[str, str]]
    wrong_name: list[tuple[str, str]]

    @classmethod
    def of(cls, rows: list[Certificate]) -> Pairs:
        half = MANY // 2
        head = rows[0].number[:-6]
        numbers = [f"{head}{place:06}" for place in range(1, half + len(rows) + 1)]
        taken = {row.number for row in rows}
        names = [
            f"{family}{given_name}"
            for family, given_name in product("王李张刘陈杨黄赵吴周", "伟芳娜敏静强磊洋艳勇")
        ]
        free = [number for number in numbers if number not in taken][:half]
        unknown = [(number, rows[0].name) for number in free]
        wrong = [(rows[place % len(rows)].number, f"{names[place % 100]}{place}") for place in range(half)]
        return cls(unknown, wrong)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_ten_thousand_wrong_pairs_have_one_answer_for_one_query(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    qualify(world)
    set_parts(world)
    rows = given(world, *BOTH)
    pairs = Pairs.of(rows)
    asked: Counter[int] = Counter()
    with world.app.app_context():
        for number, name in pairs.unknown + pairs.wrong_name:
            with_row = look_up.answer_of(number, name)
            asked[with_row is None] += 1
        questions = count_raw_readings(monkeypatch, prepared)
        for one in (pairs.unknown[:5], pairs.wrong_name[:5]):
            for number, name in one:
                questions.clear()
                with count_queries(world.app) as queries:
                    assert look_up.answer_of(number, name) is None
                assert (len(questions), queries) == (1, [])
        found = [look_up.answer_of(row.number, row.name) for row in rows]
    assert asked == {True: MANY}
    assert [one.number if one is not None else "" for one in found] == [row.number for row in rows]


@pytest.mark.once
def test_a_number_is_slowed_down_alike_whether_it_is_one_or_not_and_only_for_who_guesses(
    world: World,
) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    guessing, other = (Machine(hashlib.sha256(who).hexdigest(), "10.0.0.9") for who in (b"one", b"other"))
    told = [
        tries_until_refused(world, guessing, number) for number in (row.number, f"{row.number[:-6]}909090")
    ]
    assert told[0] == told[1]
    assert told[0][1]["code"] == "certificate.throttled"
    with world.app.app_context():
        now = world.clock.now()
        assert look_up.look_up(number=row.number, name=row.name, machine=other, now=now) is not None
        with pytest.raises(TooMany):
            look_up.look_up(number=row.number, name=row.name, machine=guessing, now=now)


def tries_until_refused(world: World, machine: Machine, number: str) -> tuple[int, dict[str, Any]]:
    """Return how many tries a machine has at a number, and what it is told then."""
    with world.app.app_context():
        for tries in range(100):
            try:
                look_up.look_up(number=number, name="不是", machine=machine, now=world.clock.now())
            except TooMany as error:
                return tries, {"code": error.code, **error.params}
    raise AssertionError("nobody is slowed down")


@pytest.mark.once
def test_the_published_files_have_no_place_for_ten_thousand_wrong_pairs(
    certified: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site"
    published(certified, folder)
    with certified.app.app_context(), reading() as session:
        rows = list(session.query(Certificate).order_by(Certificate.id))
    told = json.loads((folder / "site.json").read_bytes())
    stretch = KeyStretch(bytes.fromhex(told["salt"]), told["iterations"])
    records = {path.name: path.stat().st_size for path in folder.glob("records/*/*")}
    made = 0
    pbkdf2 = hashlib.pbkdf2_hmac

    def counting(*arguments: Any) -> bytes:
        nonlocal made
        made += 1
        return pbkdf2(*arguments)

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", counting)
    pairs = Pairs.of(rows)
    refs = {record_ref(stretched(number, name, stretch)) for number, name in pairs.unknown + pairs.wrong_name}
    assert made == len(refs) == MANY
    assert not refs & records.keys()
    assert len(set(records.values())) == 1
    assert {record_ref(stretched(row.number, row.name, stretch)) for row in rows} <= records.keys()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_no_page_of_the_register_reads_more_for_more_certificates(world: World) -> None:
    few = pages_cost(world, range(1, 121))
    many = pages_cost(world, range(121, 3_001))
    assert many == few


def pages_cost(world: World, places: range) -> dict[str, tuple[int, int, int]]:
    """Add certificates to the register; return the statements, rows read and lines drawn of each page of it."""
    fill(world.app, places)
    officer, found = world.staff("officer"), {}
    register = f"{LIST}/register"
    for page in (
        register,
        f"{register}?page=2",
        f"{register}?q=持证人",
        f"{register}?q={number_of(100)}",
        LIST,
    ):
        with count_queries(world.app) as asked, count_rows(world) as read:
            answer = officer.get(page)
        assert answer.status_code == 200
        found[page] = (len(asked), len(read), answer.text.count("<tr"))
    machine = Machine(hashlib.sha256(f"{places}".encode()).hexdigest(), "10.0.0.9")
    number, name, now = number_of(places.start), f"持证人{places.start}", world.clock.now()
    with world.app.app_context(), count_queries(world.app) as asked, count_rows(world) as read:
        assert look_up.look_up(number=number, name=name, machine=machine, now=now) is not None
    return found | {"look-up": (len(asked), len(read), 0)}
