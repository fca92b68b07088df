"""Findings as sentences."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext as _

from cbt.errors import InvalidInput
from cbt.http.i18n import explain
from cbt.items.draft import Inferred
from cbt.items.media import in_words
from cbt.spreadsheets.findings import Finding, Note, Place

LONGEST_VALUE = 60
_SAID_AS = {("answer", ""): "missing", ("weights_sum", "—"): "weights_first"}
"""What is found of nothing, or of the whole, has words of its own."""


def note(finding: Finding) -> Note:
    """Return a finding in the language of this request."""
    params = {**_shown(finding.params), "value": _short(finding.value)}
    code = _SAID_AS.get((finding.code, finding.value.strip()), finding.code)
    return Note(
        severity=finding.severity,
        severity_label=_(f"bank.severity.{finding.severity.value}"),
        place=finding.place,
        value=_short(finding.value),
        why=_(f"bank.lint.{code}.why", **params),
        fix=_(f"bank.lint.{code}.fix", **params),
    )


def field_label(name: str) -> str:
    """Return what people call a field: `parts.2.answer` is 第 2 小题 标准答案."""
    first, _dot, rest = name.partition(".")
    if first == "parts" and rest:
        number, _dot, inner = rest.partition(".")
        part = str(_("bank.field.part", number=number))
        return f"{part} {field_label(inner)}" if inner else part
    if first.startswith("choice_"):
        return str(_("bank.field.choice", letter=first[-1]))
    if first.startswith("blank_"):
        return str(_("bank.field.blank", number=first.removeprefix("blank_")))
    if first == "choices" and rest.isdigit() and 1 <= int(rest) <= 26:
        return str(_("bank.field.choice", letter=chr(ord("A") + int(rest) - 1)))
    if rest.isdigit():
        return str(_("bank.field.entry", field=_(f"bank.field.{first}"), number=rest))
    return str(_(f"bank.field.{first or 'item'}"))


def format_name(form: str) -> str:
    """Return what people call a format; the name it has in the code where nobody gave it another."""
    name = f"bank.format.{form}"
    label = str(_(name))
    return form if label == name else label


def place_said(place: Place, *, alone: bool = True) -> str:
    """Return where something stands as people say it; `alone` leaves out the only file there is."""
    if place.sheet:
        at = str(_("bank.check.at", sheet=place.sheet, row=place.line)) if place.line else place.sheet
        return at if alone else f"{place.file} · {at}"
    return str(_("bank.check.line", file=place.file, row=place.line)) if place.line else place.file


def inferred_value(value: str) -> str:
    """Return what people call a value that was inferred: a type, a field, else the value as it is."""
    for head in ("bank.type", "bank.field", "bank.value"):
        name = f"{head}.{value}"
        if value and (label := str(_(name))) != name:
            return label
    return value


def inferred_choice(inferred: Inferred, choice: str) -> str:
    """Return what people call an answer to a question of a file; of a doubt, what it changes."""
    if not inferred.doubtful:
        return inferred_value(choice)
    own = f"bank.{inferred.code}.{choice}"
    label = str(_(own, **inferred.params))
    return str(_(f"bank.doubt.{choice}", **inferred.params)) if label == own else label


def _shown(params: Mapping[str, object]) -> dict[str, object]:
    shown = {name: _said(value) for name, value in params.items()}
    if "field" in params:
        shown["field"] = field_label(str(params["field"]))
    if "refusal" in params:
        rest = {name: value for name, value in params.items() if name != "refusal"}
        shown["reason"], shown["remedy"] = explain(InvalidInput(str(params["refusal"]), **rest))
    missing = params.get("fields")
    if isinstance(missing, list):
        shown["fields"] = str(_("ui.and")).join(field_label(name) for name in missing)
    if isinstance(params.get("numbers"), str):
        shown["numbers"] = str(params["numbers"]).replace("、", str(_("ui.and")))
    return shown


def _said(value: object) -> object:
    if isinstance(value, Place):
        return _("bank.check.at", sheet=value.sheet, row=value.line) if value.sheet else str(value)
    return _short(value) if isinstance(value, str) else value


def _short(text: str) -> str:
    line = " ".join(in_words(text).split())
    return line if len(line) <= LONGEST_VALUE else line[: LONGEST_VALUE - 1] + "…"
