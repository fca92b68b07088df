"""One file for each seed, and whether it was read as it was written."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cbt.bank.commands import understood
from cbt.errors import CbtError
from cbt.interchange import registry
from cbt.interchange.upload import read_paired
from cbt.spreadsheets.findings import Severity
from tests.bank.field_texts import containers, layouts
from tests.bank.field_texts.dirt import DIRT, soil
from tests.bank.field_texts.layouts import BLOCK, BY_LINE, IN_STEM, LEAD, MARK, SECOND, TICK, Plan
from tests.bank.field_texts.objects import SHAPES, as_json
from tests.bank.field_texts.truth import FILL, MULTIPLE, SHORT, SINGLE, TRUTH, Item, bank

CONTAINERS = ("txt", "txt", "docx", "docx", "md", "html", "json")
ENCODINGS = ("utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16")
TYPES = (
    (SINGLE,),
    (SINGLE, MULTIPLE, TRUTH),
    (SINGLE, TRUTH),
    (TRUTH,),
    (MULTIPLE,),
    (SINGLE, MULTIPLE),
    (SINGLE, MULTIPLE, TRUTH, FILL, SHORT),
)
TELLING = (
    "text_line_joined",
    "text_line_left_out",
    "text_characters_lost",
    "text_bracket_kept",
)
"""Hints that name the very place where something may be meant otherwise."""
RIGHT, FLAGGED, REFUSED, WRONG = "right", "flagged", "refused", "wrong"


@dataclass(frozen=True)
class Case:
    """One file: its name, its bytes, those of the file with its keys, what is in it, how it was made."""

    name: str
    content: bytes
    second: bytes | None
    items: tuple[Item, ...]
    kind: str
    detail: str


def case(seed: int) -> Case:
    """Return the file of a seed."""
    rng = random.Random(seed)
    container = rng.choice(CONTAINERS)
    types = rng.choice(TYPES)
    sections = bank(rng, types)
    items = tuple(one for section in sections for one in section)
    if container == "json":
        shape = rng.choice(sorted(SHAPES))
        return Case(f"{seed}.json", as_json(items, shape, rng), None, items, f"json/{shape}", "")
    plan = plan_of(rng, container, types)
    body, keys = layouts.write(sections, plan, rng)
    dirt = rng.choice(DIRT) if not plan.auto else "none"
    if dirt == "wrapped" and (container != "txt" or plan.keys == MARK):
        dirt = "none"
    if dirt == "frames" and container == "md":
        dirt = "none"
    body = soil(body, dirt, rng)
    encoding = rng.choice(ENCODINGS)
    if dirt in ("radicals", "unseen", "frames", "spaces") or (plan.words[0] == "✓" and encoding == "gbk"):
        encoding = "utf-8"

    def packed(lines: list[layouts.Written]) -> bytes:
        containers.begin_lists()
        if container == "docx":
            return containers.word(
                lines, mark=rng.choice(("color", "bold", "underline", "highlight")), split=rng.random() < 0.4
            )
        if container == "md":
            return containers.markdown(lines)
        return containers.page(lines) if container == "html" else containers.text(lines, encoding)

    kind = f"{container}/{plan.keys}"
    detail = f"{plan} {dirt} {encoding} {types}"
    return Case(f"{seed}.{container}", packed(body), packed(keys) if keys else None, items, kind, detail)


def plan_of(rng: random.Random, container: str, types: tuple[str, ...]) -> Plan:
    """Return how one file is written."""
    marks = {"docx": [MARK, MARK], "html": [MARK], "md": [MARK]}.get(container, [])
    keys = rng.choice([BY_LINE, BY_LINE, IN_STEM, IN_STEM, BLOCK, BLOCK, SECOND, TICK, LEAD, *marks])
    plan = Plan(
        number=rng.choice(layouts.NUMBERS),
        label=rng.choice(layouts.LABELS),
        choices=rng.choice(layouts.CHOICES),
        keys=keys,
        answer=rng.choice(layouts.ANSWERS),
        words=rng.choice(layouts.WORDS),
        heads=rng.choice(("sections", "sections", "plain", "part", "running", "long", "tags", "none")),
        restart=rng.random() < 0.7,
        block=rng.choice(("range", "bracket range", "lines", "pairs", "table")),
        explain=rng.random() < 0.3,
        blank_lines=rng.random() < 0.3,
        title=rng.random() < 0.7,
        auto=container == "docx" and rng.random() < 0.35,
    )
    if rng.random() < 0.3 and keys in (BY_LINE, BLOCK, SECOND, TICK, MARK):
        plan.truth_choices = plan.words if rng.random() < 0.6 else plan.words[::-1]
    return _sensible(plan, types)


def _sensible(plan: Plan, types: tuple[str, ...]) -> Plan:
    """Take back what nobody writes, or nobody could read."""
    if plan.keys in (BLOCK, SECOND, LEAD) and not plan.number:
        plan.number = "{}."
    if plan.auto:
        plan.restart = True
        plan.choices = "lines"
    if plan.number == "" and (FILL in types or SHORT in types or TRUTH in types):
        plan.number = "{}、"
    if plan.heads in ("none", "tags") and plan.keys in (BLOCK, SECOND) and len(types) > 1:
        plan.restart = False
    if plan.heads == "none" and plan.keys in (BLOCK, SECOND) and (TRUTH in types or len(types) > 3):
        plan.heads = "sections"
    if plan.label == "{} " and plan.choices in ("inline", "two a line", "one line"):
        plan.label = "{}. "
    if plan.keys == LEAD and plan.number in ("（{}）", "({})", "第{}题 ", "{} "):
        plan.number = "{}."
    if plan.number == "" and plan.explain and not plan.blank_lines:
        plan.blank_lines = True
    return replace(plan)


def outcome(one: Case) -> tuple[str, str]:
    """Return what became of a file (right, flagged, refused, wrong), and why."""
    try:
        if one.second is not None:
            both = read_paired([(one.name, one.content), (f"k{one.name}", one.second)])
            if both[0].error is not None:
                raise both[0].error
            assert both[0].reading is not None
            found = both[0].reading
        else:
            found = registry.read(one.content, one.name)
    except CbtError as error:
        return REFUSED, error.code
    got = [plain(one["type"], one["stem"], one["choices"], one["key"]) for one in understood(found)["items"]]
    wanted = [plain(item.type, item.stem, item.choices, item.key) for item in one.items]
    if got == wanted:
        return RIGHT, ""
    errors = [one.code for one in found.findings if one.severity is Severity.ERROR or one.code in TELLING]
    errors += [one.code for one in found.inferred if one.open]
    first = next(
        (pair for pair in zip(got, wanted, strict=False) if pair[0] != pair[1]), (len(got), len(wanted))
    )
    return (FLAGGED if errors else WRONG), f"{sorted(set(errors))} {first}"


def plain(kind: object, stem: object, choices: Sequence[str], key: object) -> tuple[object, ...]:
    """Return a question for comparing: without spaces and widths, an empty blank as brackets."""
    if isinstance(key, list):
        key = "；".join("|".join(one) for one in key)
    shown = re.sub(r"\{\{\d+\}\}|[（(][\s　]*[)）]|_{2,}", "()", str(stem))
    said = _folded(key) if isinstance(key, str) else key
    return kind, _folded(shown), tuple(_folded(one) for one in choices), said


def _folded(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).rstrip("。.;")


def cases(seeds: range) -> Iterator[Case]:
    """Yield the files of some seeds."""
    return (case(seed) for seed in seeds)


def dumps(value: object) -> bytes:
    """Return JSON as people keep it."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode()
