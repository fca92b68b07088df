"""What a blueprint gives each unit, for the checks of cases: read from the file, as far as they need it."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from cbt.bank.lint.case import UnitPlan


def unit_plans(blueprint_file: Path) -> dict[int, UnitPlan]:
    """Return the minutes and points of every unit of a blueprint file; {} when there is no usable file.

    The exams room stands beside this one and checks blueprints; here one that does not read gives no plan.
    """
    try:
        data = tomllib.loads(blueprint_file.read_text("utf-8"), parse_float=Decimal)
        units = [unit for paper in data["papers"].values() for unit in paper.get("units", [])]
        return {
            unit["number"]: UnitPlan(timedelta(minutes=float(unit["minutes"])), Decimal(unit["points"]))
            for unit in units
        }
    except (OSError, ValueError, ArithmeticError, RecursionError, KeyError, TypeError, AttributeError):
        return {}
