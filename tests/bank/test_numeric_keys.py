"""Every numeric key of the sample banks follows from the figures in its own case."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from typing import Any

import pytest

from cbt.paths import product_dir

NUMBER = re.compile(r"\d+(?:\.\d+)?")
UNITS = {"100", "60"}
"""Per cent and minutes of an hour need not stand in a case."""


def numeric_parts() -> list[Any]:
    """Return every numeric part of both banks, with the text a candidate reads beside it."""
    found = []
    for path in sorted(product_dir("question_bank").glob("*/skills/*.toml")):
        for item in tomllib.loads(path.read_text("utf-8"))["item"]:
            for number, part in enumerate(item["part"], 1):
                if part["type"] == "numeric":
                    name = f"{path.parent.parent.name} {item['ref']}#{number}"
                    found.append(pytest.param(part, item["stimulus"] + part["stem"], id=name))
    return found


def ceil(value: float) -> int:
    """Round up, as a number of people or seats is."""
    return -int(-value // 1)


@pytest.mark.parametrize(("part", "text"), numeric_parts())
def test_the_key_is_worked_out_from_figures_of_the_case(part: dict[str, Any], text: str) -> None:
    names = re.sub(r"\b(?:ceil|round)\b", "", part["compute"])
    assert re.fullmatch(r"[\d\s.+\-*/(),]+", names), part["compute"]
    rounding = re.findall(r"round\(.*,\s*(\d+)\)", part["compute"])
    stated = set(NUMBER.findall(text)) | UNITS | set(rounding)
    assert set(NUMBER.findall(names)) <= stated, "a figure of the working does not stand in the case"
    worked = Decimal(str(eval(part["compute"], {"__builtins__": {}}, {"ceil": ceil, "round": round})))
    assert abs(worked - Decimal(part["answer"])) <= Decimal(part["tolerance"])
