"""A candidate's paper, worked out plainly from the frozen form and the bank: what the product's text must say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.bank.store import contents
from cbt.items.markup import sanitised
from cbt.rules.exam import Paper
from cbt.rules.items.content import ItemContent, ItemType
from cbt.rules.states import State
from cbt.runner.models import Attempt


def plain_paper(
    session: Session, attempt: Attempt, paper: Paper, *, title: str, verdicts: tuple[str, str]
) -> dict[str, Any]:
    """Return the part of the paper that the candidate of `attempt` may see now."""
    form = session.scalars(select(Form).where(Form.id == attempt.form_id)).one()
    frozen = json.loads(form.content)
    positions = [one for one in frozen["positions"] if _visible(one, attempt, paper)]
    found = contents(session, {(one["item"], int(one["version"])) for one in positions}, form.bank_id)
    return {
        "title": title,
        "calculator": paper.calculator,
        "tools": list(paper.tools),
        "keys": True,
        "lock_down": paper.lock_down,
        "timing": _timing(paper),
        "unused_time": paper.clock.unused_time if paper.windows else None,
        "sections": _sections(frozen, paper),
        "units": _units(frozen, attempt, paper),
        "items": [_item(one, found[one["item"], int(one["version"])], verdicts) for one in positions],
        "cases": _cases(positions, found),
    }


def _timing(paper: Paper) -> str:
    if paper.windows:
        return "strict"
    return "pooled" if paper.units else "none"


def _visible(position: Mapping[str, Any], attempt: Attempt, paper: Paper) -> bool:
    if attempt.state not in (State.INTERACTING, State.UNITS_DONE):
        return False
    if not paper.windows:
        return True
    return bool((position["unit"] if paper.units else position["section"] + 1) == attempt.open_unit)


def _sections(frozen: Mapping[str, Any], paper: Paper) -> list[dict[str, Any]]:
    shown = []
    for index, section in enumerate(paper.sections):
        places = [one["position"] for one in frozen["positions"] if one["section"] == index]
        shown.append(
            {
                "name": section.name,
                "type": section.type.value,
                "first": min(places),
                "last": max(places),
                "points_each": str(section.points_each),
            }
        )
    return shown


def _units(frozen: Mapping[str, Any], attempt: Attempt, paper: Paper) -> list[dict[str, Any]]:
    """The units in order; a paper whose sections carry their own minutes shows them as units too."""
    parts: Sequence[Any] = paper.units or (paper.sections if paper.windows else ())
    shown = []
    for number, part in enumerate(parts, 1):
        places = [
            one["position"]
            for one in frozen["positions"]
            if (one["unit"] if paper.units else one["section"] + 1) == number
        ]
        shown.append(
            {
                "number": number,
                "name": part.name,
                "minutes": int(part.minutes.total_seconds() // 60),
                "points": str(part.points),
                "state": _unit_state(number, attempt, paper),
                "first": min(places),
                "last": max(places),
            }
        )
    return shown


def _unit_state(number: int, attempt: Attempt, paper: Paper) -> str:
    if not paper.windows:
        return "open"
    if attempt.state == State.UNITS_DONE or attempt.open_unit is None or number < attempt.open_unit:
        return "past"
    return "open" if number == attempt.open_unit else "locked"


def _item(position: Mapping[str, Any], content: ItemContent, verdicts: Sequence[str]) -> dict[str, Any]:
    part = content.part(position["part"])
    clean: dict[str, Any] = sanitised(part)
    order = position["order"]
    item: dict[str, Any] = {
        "position": position["position"],
        "type": part.type.value,
        "points": position["points"],
        "section": position["section"],
        "unit": position["unit"],
        "stem": clean["stem"],
    }
    match part.type:
        case ItemType.TRUE_FALSE:
            item["choices"] = list(verdicts)
        case ItemType.SINGLE_CHOICE | ItemType.MULTIPLE_CHOICE:
            item["choices"] = [clean["choices"][index] for index in order]
        case ItemType.FILL_BLANK:
            item["blanks"] = clean["blanks"]
            item["word_bank"] = clean["word_bank"] or None
        case ItemType.MATCHING:
            item["lefts"] = [clean["lefts"][index] for index in position["lefts"]]
            item["options"] = [clean["options"][index] for index in order]
        case ItemType.HOTSPOT:
            item |= {name: clean[name] for name in ("picture", "size", "alt", "spots", "marks")}
        case ItemType.SHORT_ANSWER:
            item["limit"] = clean["limit"]
        case ItemType.ORDERING:
            item["steps"] = [clean["steps"][index] for index in order]
        case _:
            pass
    return item


def _cases(
    positions: Sequence[Mapping[str, Any]], found: Mapping[tuple[str, int], ItemContent]
) -> list[dict[str, Any]]:
    cases: dict[tuple[int, str], dict[str, Any]] = {}
    for one in positions:
        content = found[one["item"], int(one["version"])]
        if content.type is ItemType.CASE:
            clean = sanitised(content)
            cases[one["unit"], one["item"]] = {
                "unit": one["unit"],
                "title": clean["title"],
                "stimulus": clean["stimulus"],
            }
    return list(cases.values())
