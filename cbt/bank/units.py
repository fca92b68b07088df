"""What a blueprint gives each unit, for the checks of cases."""

from __future__ import annotations

from pathlib import Path

from cbt.bank.lint.case import UnitPlan
from cbt.errors import CbtError
from cbt.exams.files import load_blueprint_file


def unit_plans(blueprint_file: Path) -> dict[int, UnitPlan]:
    """Return the minutes and points of every unit of a blueprint file; {} when there is no usable file.

    A bank is checked before its blueprint is written, and `cbt blueprint check` says what one lacks.
    """
    try:
        blueprint = load_blueprint_file(blueprint_file)
    except CbtError:
        return {}
    units = [unit for paper in blueprint.papers.values() for unit in paper.units]
    return {unit.number: UnitPlan(unit.minutes, unit.points) for unit in units}
