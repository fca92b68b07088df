"""Blueprints as their pages show them: the list, one version, changed lines, and the form of one.

A field is called as its path in the file, `papers.theory.sections.0.count`. What the form does not show
(door, retake, credit …) stays as the version has it that the form was begun from.
"""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default_of
from datetime import datetime
from decimal import Decimal
from difflib import unified_diff
from typing import Any, NamedTuple

import flask
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from cbt.blueprints import spec
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.office.text_check import CheckedText
from cbt.blueprints.store import (
    BatchUse,
    NumberedVersion,
    blueprint_of,
    current_versions,
    drawable_banks,
    last_version,
    numbered_version,
    sample_digests,
    uses_of,
    version_in_force,
    versions_of,
)
from cbt.blueprints.summary import PaperTable, paper_table
from cbt.blueprints.toml_file import SCHEMA_VERSION, Field
from cbt.rules.canonical import digest
from cbt.rules.exam import ExamBlueprint
from cbt.rules.items.content import ItemType

TOP = (
    "ref", "bank", "occupation.code", "occupation.name", "occupation.aliases", "level.code", "level.name",
)  # fmt: skip
OFFICE = (
    "enrolment.days_ahead", "enrolment.counted_to", "enrolment.gap_days", "majors.own", "majors.related",
    "majors.other", "fees.first", "fees.retake", "fees.materials", "fees.materials_papers",
    "fees.refund_withdrawn", "fees.unpaid_may_sit",
)  # fmt: skip
"""What the office asks of who applies, and what it charges."""
CONDITION = (
    "text", "years", "education", "major", "schools", "senior_skills", "certificate", "training",
    "training_hours", "after",
)  # fmt: skip
PAPER = (
    "name", "minutes", "points", "pass_points", "submit.earliest", "warnings", "tools", "one_per_point",
    "clock.unit_timing", "clock.unused_time",
)  # fmt: skip
TIMING = "clock.unit_timing"
PICKS: Mapping[str, tuple[str, ...]] = {
    "bank": ("bank",),
    "occupation": ("occupation.code", "occupation.name"),
    "level": ("level.code", "level.name"),
}
"""What is chosen from a list, with the fields that a choice fills in; what no list has is typed there."""
LEVELS = (("5", "五级"), ("4", "四级"), ("3", "三级"), ("2", "二级"), ("1", "一级"))
"""The codes and names of the levels of a trade, the lowest first."""
ROWS: Mapping[str, tuple[str, ...]] = {
    "sections": ("name", "type", "count", "points_each", "minutes"),
    "units": ("project", "name", "minutes", "points"),
}
NUMBERS = frozenset(
    {
        *("minutes", "points", "pass_points", "earliest", "count", "points_each"),
        *("days_ahead", "gap_days", "years", "training_hours", "first", "retake", "materials"),
    }
)
LISTS = frozenset({"aliases", "warnings", "tools", "schools", "materials_papers"})
MAJORS = frozenset({"own", "related", "other"})
"""Lists of names that may have blanks within them."""
SWITCHES = frozenset({"one_per_point", "refund_withdrawn", "unpaid_may_sit", "senior_skills"})
MOST_ROWS = 30
LONGEST, LONG_TEXT = 200, 4000
"""Characters of a field; of the names of majors, and of a condition, there are more."""
SHAPES = {"theory": "sections", "skills": "units"}
"""What a new paper is made of."""
_NUMBER = re.compile(r"-?\d{1,7}(\.\d{1,4})?", re.ASCII)
PICKED = "|"
"""Between the parts of what is chosen from a list."""
_BETWEEN, _BETWEEN_NAMES = re.compile(r"[,，、;；\s]+"), re.compile(r"[,，、;；\n]+")


@dataclass
class TypedRow:
    """A section or a unit: its fields as typed, and its place in the version begun from, "" for a new one."""

    origin: str
    values: dict[str, str]


@dataclass
class TypedPaper:
    """A paper: its fields as typed, and its sections or units (`kind`)."""

    code: str
    kind: str
    values: dict[str, str]
    rows: list[TypedRow]


@dataclass
class BlueprintForm:
    """A whole form as typed."""

    values: dict[str, str] = default_of(default_factory=dict)
    papers: list[TypedPaper] = default_of(default_factory=list)
    conditions: list[TypedRow] = default_of(default_factory=list)

    def picked(self, name: str) -> str:
        """Return what a list would call what stands in its fields."""
        return PICKED.join(self.values.get(field, "") for field in PICKS[name])

    @property
    def untimed(self) -> list[str]:
        """The papers of units that do not say how hard the minutes of a unit are: a blueprint must (R-24)."""
        return [paper.code for paper in self.papers if paper.kind == "units" and not paper.values.get(TIMING)]

    @property
    def may_add(self) -> list[str]:
        return [code for code in SHAPES if code not in {paper.code for paper in self.papers}]


def form_of(data: Mapping[str, Any]) -> BlueprintForm:
    """Return the form of a version's tables."""
    papers = []
    for code, paper in data.get("papers", {}).items():
        kind = "units" if "units" in paper else "sections"
        rows = [
            TypedRow(str(place), {name: _shown(row, name) for name in ROWS[kind]})
            for place, row in enumerate(paper.get(kind, []))
        ]
        papers.append(TypedPaper(code, kind, {name: _shown(paper, name) for name in PAPER}, rows))
    conditions = [
        TypedRow(str(place), {name: _shown(row, name) for name in CONDITION})
        for place, row in enumerate(data.get("eligibility", []))
    ]
    return BlueprintForm({name: _shown(data, name) for name in (*TOP, *OFFICE)}, papers, conditions)


Banks = Callable[[Session], Sequence[tuple[str, str]]]
"""Returns the refs and names of the banks that papers can be drawn from."""
_BANKS = "cbt_banks_of_blueprints"


def register_banks(app: flask.Flask, banks: Banks) -> None:
    """Have the form offer these: what banks there are is known to a later room."""
    app.extensions[_BANKS] = banks


@dataclass(frozen=True, slots=True)
class FormLists:
    """What the form offers to choose from: each the value that is sent, and what it is called."""

    bank: list[tuple[str, str]]
    occupation: list[tuple[str, str]]
    level: list[tuple[str, str]]

    def level_codes(self, *known: str) -> list[tuple[str, str]]:
        """Return the levels by their codes alone, and those that a blueprint names beside them."""
        levels = [(value.partition(PICKED)[0], name) for value, name in self.level]
        codes = {code for code, _name in levels}
        return levels + [(code, code) for code in dict.fromkeys(known) if code and code not in codes]


def form_lists(session: Session) -> FormLists:
    """Return the banks there are, the occupations that have a blueprint, and the levels of a trade."""
    banks: Banks = flask.current_app.extensions[_BANKS]
    blueprints = [blueprint_of(session, row.id) for row in current_versions(session)]
    occupations = sorted({(one.occupation_code, one.occupation_name) for one in blueprints})
    return FormLists(
        [(ref, f"{name}（{ref}）") for ref, name in banks(session)],
        [(PICKED.join(one), f"{one[1]}（{one[0]}）") for one in occupations],
        [(PICKED.join(one), str(gettext(f"exams.desk.level.{one[0]}"))) for one in LEVELS],
    )


def blank_form() -> BlueprintForm:
    form = BlueprintForm(dict.fromkeys((*TOP, *OFFICE), ""))
    for code in SHAPES:
        _add_paper(form, code)
    return form


def sent_form(sent: MultiDict[str, str]) -> BlueprintForm:
    """Return the form that was sent, as typed."""
    form = BlueprintForm({name: _typed(sent, name) for name in (*TOP, *OFFICE)})
    for name, fields in PICKS.items():
        picked = sent.get(f"pick.{name}", "")[:LONGEST].split(PICKED)
        if len(picked) == len(fields) and all(picked):
            form.values |= dict(zip(fields, picked, strict=True))
    for place, origin in enumerate(sent.getlist("condition")[:MOST_ROWS]):
        asked = {name: _typed(sent, f"eligibility.{place}.{name}") for name in CONDITION}
        form.conditions.append(TypedRow(origin[:4], asked))
    for code in list(dict.fromkeys(sent.getlist("paper")))[: len(SHAPES) + 2]:
        kind = "units" if sent.get(f"kind.{code}") == "units" else "sections"
        start = f"papers.{code}"
        rows = [
            TypedRow(
                origin[:4],
                {name: sent.get(f"{start}.{kind}.{place}.{name}", "")[:LONGEST] for name in ROWS[kind]},
            )
            for place, origin in enumerate(sent.getlist(f"row.{code}")[:MOST_ROWS])
        ]
        values = {name: _typed(sent, f"{start}.{name}") for name in PAPER}
        form.papers.append(TypedPaper(code[:20], kind, values, rows))
    return form


def _typed(sent: MultiDict[str, str], name: str) -> str:
    return "、".join(filter(None, sent.getlist(name)))[:LONG_TEXT]


def act_on(form: BlueprintForm, act: str) -> bool:
    """Carry out what a button asks for: a row or a paper more or less; say whether it was one of these."""
    verb, _, rest = act.partition(":")
    code, _, place = rest.partition(":")
    paper = next((one for one in form.papers if one.code == code), None)
    if verb == "paper" and code in form.may_add:
        _add_paper(form, code)
    elif verb == "drop" and paper is not None:
        form.papers.remove(paper)
    elif verb == "row" and paper is not None and len(paper.rows) < MOST_ROWS:
        paper.rows.append(TypedRow("", dict.fromkeys(ROWS[paper.kind], "")))
    elif verb == "condition" and len(form.conditions) < MOST_ROWS:
        form.conditions.append(TypedRow("", dict.fromkeys(CONDITION, "")))
    elif verb == "dropped" and code.isdecimal() and int(code) < len(form.conditions):
        del form.conditions[int(code)]
    elif verb == "less" and paper is not None and place.isdecimal() and int(place) < len(paper.rows):
        del paper.rows[int(place)]
    else:
        return False
    return True


def data_of(form: BlueprintForm, base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables a form says, over those of the version it was begun from."""
    data: dict[str, Any] = copy.deepcopy(dict(base))
    former = data.get("papers", {})
    data["schema"] = SCHEMA_VERSION
    for name, typed in form.values.items():
        _put(data, name, typed)
    data["papers"] = {paper.code: _paper(paper, former.get(paper.code, {})) for paper in form.papers}
    conditions = _rows(form.conditions, data.pop("eligibility", []), numbered=True)
    return data | ({"eligibility": conditions} if conditions else {})


def _paper(paper: TypedPaper, former: dict[str, Any]) -> dict[str, Any]:
    before = former.get(paper.kind, [])
    table = {name: value for name, value in former.items() if name not in ROWS}
    for name, typed in paper.values.items():
        _put(table, name, typed)
    rows = _rows(paper.rows, before, numbered=paper.kind == "units")
    return {**table, paper.kind: rows} if rows else table


def _rows(
    typed_rows: Sequence[TypedRow], before: Sequence[Mapping[str, Any]], *, numbered: bool
) -> list[dict[str, Any]]:
    rows = []
    for number, row in enumerate(typed_rows, 1):
        kept = before[int(row.origin)] if row.origin.isdecimal() and int(row.origin) < len(before) else {}
        table = dict(kept)
        for name, typed in row.values.items():
            _put(table, name, typed)
        if numbered:
            table["number"] = number
        rows.append(table)
    return rows


def _put(table: dict[str, Any], name: str, typed: str) -> None:
    """Put what was typed at a path of a table; nothing typed takes the key away."""
    head, _, rest = name.partition(".")
    if rest:
        below = dict(table.get(head, {}))
        _put(below, rest, typed)
        table[head] = below
        if not below:
            del table[head]
    elif not typed.strip():
        table.pop(name, None)
    else:
        table[name] = _read(name, typed)


def _read(name: str, typed: str) -> object:
    """Return what a field says: a number where it is one, else the text, which the reader then refuses."""
    plain = " ".join(typed.split())
    if name in SWITCHES and plain in ("true", "false"):
        return plain == "true"
    if name in MAJORS:
        return [" ".join(part.split()) for part in _BETWEEN_NAMES.split(typed) if part.strip()]
    if name in LISTS:
        parts = [part for part in _BETWEEN.split(plain) if part]
        return [_number(part) if name == "warnings" else part for part in parts]
    return _number(plain) if name in NUMBERS else plain


def _number(text: str) -> object:
    plain = unicodedata.normalize("NFKC", text)
    if not _NUMBER.fullmatch(plain):
        return text
    return Decimal(plain) if "." in plain else int(plain)


def _shown(table: Mapping[str, Any], name: str) -> str:
    head, _, rest = name.partition(".")
    value = table.get(head, "")
    if rest:
        return _shown(value, rest) if isinstance(value, Mapping) else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "、".join(str(one) for one in value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _add_paper(form: BlueprintForm, code: str) -> None:
    kind = SHAPES[code]
    rows = [TypedRow("", dict.fromkeys(ROWS[kind], ""))]
    if kind == "sections":
        rows[0].values["type"] = ItemType.TRUE_FALSE.value
    form.papers.append(TypedPaper(code, kind, dict.fromkeys(PAPER, ""), rows))


def written(data: Mapping[str, Any], head: Sequence[str] = ()) -> str:
    """Return the text of a blueprint; `head` are the lines of comment that it begins with.

    Values are what TOML has (texts, whole numbers, Decimals, switches, lists of them; `credit` is a table).
    """
    lines = [*head, *([""] if head else []), *_pairs(data, spec.TOP)]
    for name, fields in spec.TABLES.items():
        if name in data:
            lines += ["", f"[{name}]", *_pairs(data[name], fields)]
    for name, fields in spec.LISTS.items():
        for row in data.get(name, []):
            lines += ["", f"[[{name}]]", *_pairs(row, fields)]
    for code, paper in data.get("papers", {}).items():
        lines += ["", f"[papers.{_key(code)}]", *_pairs(paper, spec.PAPER)]
        for name, fields in spec.PAPER_TABLES.items():
            if name in paper:
                lines += ["", f"[papers.{_key(code)}.{name}]", *_pairs(paper[name], fields)]
        for name, fields in spec.PAPER_LISTS.items():
            for row in paper.get(name, []):
                lines += ["", f"[[papers.{_key(code)}.{name}]]", *_pairs(row, fields)]
    return "\n".join(lines) + "\n"


def head_of(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line)
    return lines


def _pairs(table: Mapping[str, Any], fields: Sequence[Field]) -> Iterator[str]:
    for field in fields:
        if field.key in table:
            yield f"{field.key} = {_value(table[field.key])}"


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else _text(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(one) for one in value)}]"
    return str(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


MOST_LINES = 1500
"""Of longer texts nothing is said: to compare them takes as long as their lines multiplied."""
MOST_SHOWN = 400


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line that is new ("+"), gone ("-"), beside these (" "), or left out between them ("…")."""

    mark: str
    text: str


def changed_lines(before: str, after: str) -> list[ChangedLine]:
    """Return what differs, each with a line around it; nothing where nothing does, or the texts are too long."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) > MOST_LINES or len(new) > MOST_LINES:
        return []
    lines = []
    for line in list(unified_diff(old, new, n=1, lineterm=""))[2:]:
        if line.startswith("@@"):
            lines.append(ChangedLine("…", ""))
        else:
            lines.append(ChangedLine(line[:1], line[1:]))
    return lines[1 : MOST_SHOWN + 1]


class VersionHead(NamedTuple):
    """A version's id, when it was loaded, filed and withdrawn, and the digest of its text."""

    id: int
    loaded_at: datetime
    filed_at: datetime | None
    withdrawn_at: datetime | None
    sha256: str


@dataclass(frozen=True, slots=True)
class ListedBlueprint:
    """A blueprint as the list shows it: its last version in force, and how many batches use any of them."""

    blueprint: ExamBlueprint
    number: int
    loaded_at: datetime
    from_file: bool
    batches: int
    withdrawn: bool
    is_sample: bool
    """Whether it came with the product as it is."""
    has_bank: bool
    """Whether something can be drawn from its bank."""

    @property
    def is_idle_sample(self) -> bool:
        """Whether it is a sample that nobody can use, so that it may be put away."""
        return self.is_sample and not self.has_bank and not self.withdrawn


@dataclass(frozen=True, slots=True)
class BlueprintView:
    """One version of a blueprint, the numbers of all, which is in force (0: none), and which batch uses which."""

    version: NumberedVersion
    versions: list[NumberedVersion]
    in_force: int
    blueprint: ExamBlueprint
    papers: list[PaperTable]
    uses: Mapping[int, list[BatchUse]]
    """By the id of a version."""
    changes: list[ChangedLine]
    """What putting it in force would change."""
    is_sample: bool
    has_bank: bool
    """As of `ListedBlueprint`."""


@dataclass(frozen=True, slots=True)
class TextTarget:
    """What a sound text would become: version `number` of its blueprint, over the one `in_force`, by its digest."""

    ref: str
    number: int
    in_force: str
    same: bool
    """Whether it is word for word what is in force."""
    papers: list[PaperTable]
    changes: list[ChangedLine]
    """What it would change of what is in force."""


def listed(session: Session) -> list[ListedBlueprint]:
    """Return every blueprint, by ref; those that are out of force last."""
    heads: defaultdict[str, list[VersionHead]] = defaultdict(list)
    columns = (
        BlueprintVersion.ref,
        BlueprintVersion.id,
        BlueprintVersion.loaded_at,
        BlueprintVersion.filed_at,
        BlueprintVersion.withdrawn_at,
        BlueprintVersion.sha256,
    )
    for row in session.execute(select(*columns).order_by(BlueprintVersion.id)):
        heads[row.ref].append(VersionHead(row.id, row.loaded_at, row.filed_at, row.withdrawn_at, row.sha256))
    batches: defaultdict[int, set[str]] = defaultdict(set)
    for use in uses_of(session, [head.id for some in heads.values() for head in some]):
        batches[use.version_id].add(use.batch_ref)
    blueprints, drawable = [], drawable_banks(session)
    for _, some in sorted(heads.items()):
        place, last = max(enumerate(some, 1), key=lambda one: (one[1].loaded_at, one[1].id))
        using = {batch for head in some for batch in batches[head.id]}
        blueprint = blueprint_of(session, last.id)
        blueprints.append(
            ListedBlueprint(
                blueprint,
                place,
                last.loaded_at,
                last.filed_at is not None,
                len(using),
                last.withdrawn_at is not None,
                last.sha256 in sample_digests(),
                blueprint.bank in drawable,
            )
        )
    return sorted(blueprints, key=lambda listed: listed.withdrawn)


def shown(session: Session, ref: str, number: int | None = None) -> BlueprintView:
    """Return a version of a blueprint, by default the one in force; raise as `numbered_version` does."""
    versions = versions_of(session, ref)
    current = version_in_force(session, ref)
    in_force = next((one.number for one in versions if one.row is current), 0)
    last = last_version(session, ref)
    latest = next((one.number for one in versions if one.row is last), 0)
    version = numbered_version(session, ref, latest if number is None else number)
    blueprint = blueprint_of(session, version.row.id)
    uses: defaultdict[int, list[BatchUse]] = defaultdict(list)
    for use in uses_of(session, [one.row.id for one in versions]):
        uses[use.version_id].append(use)
    papers = [paper_table(paper) for paper in blueprint.papers.values()]
    other = current is not None and current is not version.row
    changes = changed_lines(current.source, version.row.source) if current and other else []
    is_sample, has_bank = version.row.sha256 in sample_digests(), blueprint.bank in drawable_banks(session)
    return BlueprintView(version, versions, in_force, blueprint, papers, uses, changes, is_sample, has_bank)


def target_of(session: Session, text: CheckedText) -> TextTarget | None:
    """Return what a checked text would become; None for one that says no blueprint."""
    if text.blueprint is None:
        return None
    ref, sha = text.blueprint.ref, digest(text.text)
    versions = versions_of(session, ref)
    current = version_in_force(session, ref)
    number = next((one.number for one in versions if one.row.sha256 == sha), len(versions) + 1)
    papers = [paper_table(paper) for paper in text.blueprint.papers.values()]
    same = current is not None and current.sha256 == sha
    changes = changed_lines(current.source, text.text) if current is not None else []
    return TextTarget(ref, number, current.sha256 if current else "", same, papers, changes)
