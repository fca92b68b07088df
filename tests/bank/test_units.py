"""What the checks of cases take from a blueprint, and that they do without one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cbt.bank.commands import unit_plans
from cbt.bank.lint.check import UnitPlan
from cbt.blueprints.store import load_blueprint_file
from cbt.paths import product_dir

SHIPPED = product_dir("blueprints") / "customer-service-l3.toml"


def test_the_plans_are_those_of_the_blueprint() -> None:
    units = load_blueprint_file(SHIPPED).papers["skills"].units
    assert unit_plans(SHIPPED) == {unit.number: UnitPlan(unit.minutes, unit.points) for unit in units}
    assert {type(plan.minutes) for plan in unit_plans(SHIPPED).values()} == {timedelta}
    assert sum(plan.points for plan in unit_plans(SHIPPED).values()) == Decimal(100)


def test_a_byte_order_mark_is_no_part_of_a_blueprint(tmp_path: Path) -> None:
    marked = tmp_path / "marked.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + SHIPPED.read_bytes())
    assert unit_plans(marked) == unit_plans(SHIPPED)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="no file"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[papers", id="no TOML"),
        pytest.param(b"[[papers.skills.units]]\nnumber = 1\nminutes = 10\npoints = 20\n", id="no blueprint"),
        pytest.param(SHIPPED.read_bytes().replace(b"[level]", b"[lvl]"), id="a key that is not known"),
    ],
)
def test_what_is_no_usable_blueprint_gives_no_plan(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "blueprint.toml"
    if content is not None:
        path.write_bytes(content)
    assert unit_plans(path) == {}
