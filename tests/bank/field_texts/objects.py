"""Questions as JSON, in the shapes of the field."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.bank.field_texts.truth import FILL, MULTIPLE, SHORT, SINGLE, TRUTH, Item

NAMES = {SINGLE: "单选题", MULTIPLE: "多选题", TRUTH: "判断题", FILL: "填空题", SHORT: "简答题"}
CODES = {SINGLE: 1, MULTIPLE: 2, TRUTH: 3, FILL: 4, SHORT: 5}


def _verdict(one: Item) -> Any:
    return "对" if one.key is True else "错" if one.key is False else one.key


def _short(one: Item) -> dict[str, Any]:
    return {"t": NAMES[one.type], "q": one.stem, "o": list(one.choices), "a": _verdict(one), "e": "见规程"}


def _map(one: Item) -> dict[str, Any]:
    options = dict(zip("ABCDE", one.choices, strict=False))
    return {"type": NAMES[one.type], "question": one.stem, "options": options, "answer": _verdict(one)}


def _labelled(one: Item) -> dict[str, Any]:
    options = [f"{letter}. {text}" for letter, text in zip("ABCDE", one.choices, strict=False)]
    return {"题型": NAMES[one.type], "题干": one.stem, "选项": options, "答案": _verdict(one), "解析": ""}


def _pairs(one: Item) -> dict[str, Any]:
    options = [[text, letter in str(one.key)] for letter, text in zip("ABCDE", one.choices, strict=False)]
    return {
        "title": one.stem,
        "type": NAMES[one.type],
        "options": options,
        **({} if options else {"answer": _verdict(one)}),
    }


def _objects(one: Item) -> dict[str, Any]:
    options = [
        {"label": letter, "text": text, "isCorrect": letter in str(one.key)}
        for letter, text in zip("ABCDE", one.choices, strict=False)
    ]
    return {
        "stem": f"<p>{one.stem}</p>",
        "questionType": NAMES[one.type],
        "options": options,
        **({} if options else {"answer": _verdict(one)}),
    }


def _places(one: Item) -> dict[str, Any]:
    places = ["ABCDE".index(letter) for letter in str(one.key)] if one.choices else []
    answer: Any = places if one.type == MULTIPLE else places[0] if places else one.key
    return {"question": one.stem, "type": NAMES[one.type], "choices": list(one.choices), "correct": answer}


def _columns(one: Item) -> dict[str, Any]:
    options = {f"option{letter}": text for letter, text in zip("ABCDE", one.choices, strict=False)}
    return {"QNumber": 7, "Question": one.stem, "Type": NAMES[one.type], **options, "Answer": _verdict(one)}


def _texts(one: Item) -> dict[str, Any]:
    answer: Any = (
        [one.choices["ABCDE".index(letter)] for letter in str(one.key)] if one.choices else _verdict(one)
    )
    return {"question": one.stem, "type": NAMES[one.type], "options": list(one.choices), "answer": answer}


def _codes(one: Item) -> dict[str, Any]:
    options = [{"key": letter, "value": text} for letter, text in zip("ABCDE", one.choices, strict=False)]
    return {
        "content": one.stem,
        "type": CODES[one.type],
        "options": options,
        "answer": list(str(one.key)) if options else _verdict(one),
    }


SHAPES: dict[str, Callable[[Item], dict[str, Any]]] = {
    "short": _short,
    "map": _map,
    "labelled": _labelled,
    "pairs": _pairs,
    "objects": _objects,
    "places": _places,
    "columns": _columns,
    "texts": _texts,
    "codes": _codes,
}


def as_json(items: Sequence[Item], shape: str, rng: random.Random) -> bytes:
    """Return questions in one shape: a list, a map of types, lines, or a script."""
    rows = [SHAPES[shape](one) for one in items]
    match rng.choice(("list", "window", "lines", "map", "data")):
        case "window":
            return f"window.TIKU = {json.dumps(rows, ensure_ascii=False)};\n".encode()
        case "lines":
            return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
        case "map":
            kinds: dict[str, list[object]] = {}
            for one, row in zip(items, rows, strict=True):
                kinds.setdefault(NAMES[one.type], []).append(row)
            return json.dumps(kinds, ensure_ascii=False, indent=2).encode()
        case "data":
            return json.dumps(
                {"code": 0, "data": {"total": len(rows), "list": rows}}, ensure_ascii=False
            ).encode("gb18030")
    return json.dumps(rows, ensure_ascii=False, indent=1).encode()
