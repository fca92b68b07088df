"""Texts and choices of a question in JSON, however they are written."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from cbt.bank.formats.fields.shapes import Shape, plain_name
from cbt.bank.formats.reading.choices import split_body
from cbt.bank.formats.reading.lines import plain_lines
from cbt.bank.formats.reading.words import LETTERS, clean, label_of, unlabelled

_TEXTS = ("text", "value", "content", "title", "name", "label", "option", "desc", "description", "body")
_OTHERS = ("optioncontent", "optiontext", "内容", "选项内容")
_LABELS = (
    "key",
    "letter",
    "label",
    "id",
    "name",
    "option",
    "code",
    "no",
    "index",
    "sort",
    "order",
    "value",
    "选项",
)
_RIGHT = (
    "correct",
    "iscorrect",
    "right",
    "isright",
    "isanswer",
    "answer",
    "istrue",
    "checked",
    "正确",
    "是否正确",
)
_TAG = re.compile(
    r"</?(?:p|br|div|span|strong|b|i|u|em|font|sub|sup|table|tbody|tr|td|th|li|ul|ol|a|h[1-6]|section|label|input)"
    r"\b[^<>]{0,400}>|<!--.{0,400}?-->",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr)\b[^<>]{0,100}>", re.IGNORECASE)
_PICTURE = re.compile(r"<img\b[^<>]{0,4000}>|!\[[^\]]{0,200}\]\([^)]{1,2000}\)", re.IGNORECASE)


def plain_text(value: Any) -> tuple[str, int]:
    """Return a text without tags, and how many pictures stood in it."""
    text = "" if value is None else str(value)
    pictures = len(_PICTURE.findall(text))
    if "<" in text or "![" in text:
        text = _TAG.sub("", _BREAK.sub("\n", _PICTURE.sub("", text)))
    lines = (clean(one) for one in html.unescape(text).replace("\r\n", "\n").split("\n"))
    return "\n".join(one for one in lines if one), pictures


def choices_of(row: Mapping[str, Any], shape: Shape) -> tuple[list[str], str, int]:
    """Return the choices, the letters of those that say they are right, and how many pictures stood in them."""
    raw = row.get(shape.parts.get("choices", "\0"))
    if shape.lettered and not raw:
        raw = [row.get(name) for name in shape.lettered]
        while raw and raw[-1] in (None, ""):
            raw.pop()
    if isinstance(raw, str):
        raw = _from_text(raw)
    if isinstance(raw, dict):
        raw = _from_map(raw)
    texts, right, pictures = [], "", 0
    for letter, one in zip(LETTERS, raw if isinstance(raw, list) else [], strict=False):
        text, is_right = _one(one)
        shown, count = plain_text(text)
        texts.append(shown)
        pictures += count
        right += letter if is_right else ""
    return unlabelled(texts), right, pictures


def _from_text(raw: str) -> list[Any]:
    text = raw.strip()
    if text.startswith(("[", "{")):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return _from_map(found)
        if isinstance(found, list):
            return found
    body = split_body(plain_lines(plain_text(raw)[0]))
    if body.choices and not "".join(line.text for line in body.stem):
        return ["\n".join(line.text for line in one.lines) for one in body.choices]
    for between in ("$;$", "$;", "\n", "|", ";", "；"):
        if between in text:
            return [one for one in text.split(between) if one.strip()]
    return []


def _from_map(raw: Mapping[str, Any]) -> list[Any]:
    letters = {str(name).strip().upper(): one for name, one in raw.items()}
    run = [letters[letter] for letter in LETTERS if letter in letters]
    if run and len(run) == len(raw):
        return run if all(one in LETTERS[: len(run)] for one in letters) else []
    while run and run[-1] in (None, ""):
        run.pop()
    return list(raw.values()) if all(str(name).isdigit() for name in raw) else []


def _one(one: Any) -> tuple[Any, bool]:
    if isinstance(one, list) and len(one) == 2 and isinstance(one[1], bool):
        return one[0], one[1]
    if isinstance(one, list) and len(one) == 2 and label_of(f"{one[0]}.")[0]:
        return one[1], False
    if not isinstance(one, dict):
        return one, False
    if len(one) == 1 and re.fullmatch(r"[A-La-l]", str(next(iter(one))).strip()):
        return next(iter(one.values())), False
    names = {plain_name(name): value for name, value in one.items()}
    right = next((names[name] for name in map(plain_name, _RIGHT) if name in names), False)
    labels = [name for name in _LABELS if re.fullmatch(r"[A-La-l]", str(names.get(name, "")).strip())]
    text = next(
        (
            names[name]
            for name in (*_TEXTS, *_OTHERS)
            if name in names and name not in labels and names[name] not in (None, "")
        ),
        "",
    )
    return text, right is True or right in (1, "1", "true", "True", "是", "Y")
