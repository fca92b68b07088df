"""Sheets as they were written before forms were prepared for scoring: the same answers give the same bytes."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

from cbt.blueprints.store import read_blueprint
from cbt.rules.form_score import FormScorer, Marks, arranged
from cbt.rules.items.registry import parse_content

KEPT = Path(__file__).parent / "before" / "sheets.json.xz"


def test_the_same_answers_give_the_same_bytes_as_before() -> None:
    kept = json.loads(lzma.decompress(KEPT.read_bytes()))
    blueprints = {
        level: read_blueprint(text, name=level, stored=True) for level, text in kept["blueprints"].items()
    }
    marks = {level: Marks({}) for level in blueprints}
    compared = 0
    for case in kept["cases"]:
        shared = marks[case["level"]]
        shared.contents |= {(ref, 1): parse_content(item) for ref, item in case["items"].items()}
        paper = blueprints[case["level"]].papers[case["paper"]]
        by_form = FormScorer(case["form"], shared.contents, paper=paper)
        by_arrangement = FormScorer.of(arranged(case["form"]), shared, paper=paper)
        for answers, sheet, _score in case["sat"]:
            assert by_form.score(answers).text == by_arrangement.score(answers).text == sheet
            compared += 1
    assert compared == 24
