"""自动修正: what is put right without asking, and listed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.registry import authoring_of
from cbt.bank.lint.words import CJK
from cbt.bank.taxonomy import Taxonomy
from cbt.sheets.findings import Finding, Severity

_DASHES = re.compile(r"\s*[-‐‑‒–—―−－一]+\s*")
_CODE = re.compile(r"([A-Z](?:-[A-Z])*)-(\d{1,3})")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028-\u202e\ufeff]")
_FULL = {",": "，", ";": "；", ":": "：", "?": "？", "!": "！"}
_HALF_PUNCTUATION = re.compile(rf"(?<=[{CJK}”’）》])[,;:?!](?=\s*(?:[{CJK}“‘（《]|$))\s*")
_HALF_BRACKETS = re.compile(rf"\(([^()（）]*[{CJK}][^()（）]*)\)")
_FULL_ALNUM = re.compile(r"[０-９Ａ-Ｚａ-ｚ％．]+")

Fix = tuple[str, str, str, str]
"""What was put right: code, field, before, after."""


def tidy(draft: ItemDraft, taxonomy: Taxonomy) -> tuple[ItemDraft, list[Finding]]:
    """Return the item with its small faults put right, and one finding for each.

    Width of letters and punctuation, 。 at the end of a 判断, the blank （　　）, codes such as `B-C-A-14`,
    letters before choices and stops after them, characters nobody can see.
    """
    fixes: list[Fix] = []
    data = _tidied(draft.data, "", taxonomy, fixes)
    if isinstance(data.get("parts"), list):
        data["parts"] = [
            _tidied(part, f"parts.{n}.", taxonomy, fixes) if isinstance(part, Mapping) else part
            for n, part in enumerate(data["parts"], 1)
        ]
    findings = [
        draft.find(Severity.FIXED, code, name, before, after=after) for code, name, before, after in fixes
    ]
    return draft.with_data(data), findings


def point_code(text: str, taxonomy: Taxonomy) -> str:
    """Return a point's code as the 细目表 writes it: dashes, capitals and three digits put right."""
    plain = unicodedata.normalize("NFKC", text).strip().upper()
    plain = _DASHES.sub("-", re.sub(r"\s+", "", plain)).strip("-")
    if found := _CODE.fullmatch(plain):
        return f"{found[1]}-{found[2]:0>3}"
    known = taxonomy.importances
    if plain.isdigit() and plain not in known:
        # A spreadsheet turns 0111 into 111.
        return next((code for code in known if code.isdigit() and code.lstrip("0") == plain), plain)
    return plain


def _tidied(data: Mapping[str, Any], prefix: str, taxonomy: Taxonomy, fixes: list[Fix]) -> dict[str, Any]:
    done = dict(data)

    def put_right(code: str, name: str, change: Callable[[str], str]) -> None:
        before = done.get(name)
        if isinstance(before, str) and (after := change(before)) != before:
            done[name] = after
            fixes.append((code, prefix + name, before, after))
        elif isinstance(before, list) and all(isinstance(text, str) for text in before):
            done[name] = [change(text) for text in before]
            for n, (was, now) in enumerate(zip(before, done[name], strict=True), 1):
                if was != now:
                    fixes.append((code, f"{prefix}{name}.{n}", was, now))

    put_right("point_code", "point", lambda text: point_code(text, taxonomy))
    for name in ("stem", "choices", "steps", "explanation", "title", "word_bank", "extra_options"):
        put_right("unseen", name, _without_unseen)
        put_right("width", name, _widths)
    put_right("unseen", "stimulus", _without_unseen)
    authoring_of(data.get("type")).tidy(put_right)
    return done


def _without_unseen(text: str) -> str:
    return _CONTROL.sub("", text)


def _widths(text: str) -> str:
    text = _FULL_ALNUM.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _HALF_BRACKETS.sub(r"（\1）", text)
    return _HALF_PUNCTUATION.sub(lambda found: _FULL[found[0].strip()], text)
