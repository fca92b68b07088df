"""The score of a form written down as the rules say it, in fractions and without any care for speed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cbt.rules.canonical import canonical_json, decimal_of
from cbt.rules.exam import Paper
from cbt.rules.form_score import KeyRevisions, passes, round_score, share_of
from cbt.rules.items.content import ItemContent


def sheet_of(
    form: Mapping[str, Any],
    contents: Mapping[tuple[str, int], ItemContent],
    answers: Mapping[str, str],
    *,
    paper: Paper,
    key_revision: KeyRevisions,
) -> tuple[Fraction | None, Decimal | None, bool | None, str]:
    """Return raw score, score, verdict and the canonical JSON of the sheet; None while something waits."""
    units = "units" in form
    earned: dict[int, Fraction] = {}
    possible: dict[int, Fraction] = {}
    listed: dict[int, Fraction] = {}
    positions: list[dict[str, Any]] = []
    waiting = set()
    for one in form["positions"]:
        revision = key_revision.find(one["item"], one["part"], one["version"])
        void = revision is not None and revision.void
        answer = answers.get(str(one["position"])) or None
        content, points = contents[one["item"], one["version"]], Fraction(one["points"])
        share = Fraction(0) if void else share_of(one, content, answer, revision=revision)
        group = one["unit"] if units else one["section"] + 1
        if share is None:
            waiting.add(group)
        earned[group] = earned.get(group, Fraction(0)) + (share or 0) * points
        possible[group] = possible.get(group, Fraction(0)) + (0 if void else points)
        listed[group] = listed.get(group, Fraction(0)) + points
        positions.append(
            {
                "position": one["position"],
                "item": one["item"],
                "part": one["part"],
                "points": Decimal(one["points"]),
                "earned": None if share is None else decimal_of(share * points),
                "answered": answer is not None,
                "void": void,
            }
            | ({"pending": True} if share is None else {})
        )
    raw, groups = Fraction(0), []
    whole = sum(Fraction(worth) for _, _, worth in _listed(form))
    kept = {number: possible[number] / points if points else Fraction(1) for number, points in listed.items()}
    left = sum(Fraction(worth) * kept[number] for number, _, worth in _listed(form))
    for number, name, worth in _listed(form):
        if paper.void_points == "group" or not left:
            part = earned[number] / possible[number] if possible[number] else Fraction(1)
        else:
            part = earned[number] / listed[number] if listed[number] else Fraction(1)
            part *= whole / left if paper.void_points == "paper" else 1
        raw += part * Fraction(worth)
        own = None if number in waiting else decimal_of(part * Fraction(worth))
        groups.append({"number": number, "name": name, "points": worth, "earned": own})
    score = None if waiting else round_score(raw, paper.score_step)
    passed = None if score is None else passes(score, paper.pass_points)
    sheet = {
        "paper": paper.code,
        "positions": positions,
        "groups": groups,
        "raw": None if waiting else decimal_of(raw),
        "score": score,
        "pass_points": paper.pass_points,
        "passed": passed,
    }
    return None if waiting else raw, score, passed, canonical_json(sheet)


def _listed(form: Mapping[str, Any]) -> list[tuple[int, str, Decimal]]:
    if "units" in form:
        return [(unit["number"], unit["name"], Decimal(unit["points"])) for unit in form["units"]]
    return [
        (number, section["name"], section["count"] * Decimal(section["points_each"]))
        for number, section in enumerate(form["sections"], 1)
    ]
