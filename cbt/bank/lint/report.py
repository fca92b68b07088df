"""The child's side of the lint of a bank: its items in, what lint says of them out.

Only `cbt.confined` runs this, in a process of its own and with low priority: it takes seconds of a processor, and
exams are sat on the same machine.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from cbt.bank.lint.check import check_items
from cbt.bank.lint.guess_rate import GuessRate, guess_rates
from cbt.bank.lint.whole_bank import KnownLint, LintMemory
from cbt.items.draft import ItemDraft
from cbt.items.taxonomy import Taxonomy
from cbt.spreadsheets.findings import Finding, Place, Severity

LISTED = 50
"""So many places are kept of each kind of finding, and so many items that were guessed."""
_ORDER = list(Severity)


class LintWork(msgspec.Struct, frozen=True):
    """A bank as lint takes it: (ref, content) of its `total` items or of some, and the refs of the retired too."""

    taxonomy: Taxonomy
    items: list[tuple[str, str]]
    refs: list[str]
    total: int
    known: KnownLint = KnownLint()
    mark: str = ""
    """What must be the same for `known` to hold."""


class FoundPlace(msgspec.Struct, frozen=True):
    """Where something was found: the item, the field, what stands there, what the sentence about it takes."""

    item: str
    value: str
    params: dict[str, str | int | float | list[str]]


class FoundKind(msgspec.Struct, frozen=True):
    """All findings of one kind: how many, and the first of them."""

    code: str
    severity: Severity
    count: int
    places: list[FoundPlace]


class LintReport(msgspec.Struct, frozen=True):
    """What lint says of a bank of `total` items, `examined` of them; `failed` when it could not be worked out."""

    total: int
    examined: int
    kinds: list[FoundKind] = []
    rates: list[GuessRate] = []
    failed: bool = False


class LintAnswer(msgspec.Struct, frozen=True):
    """A report, and what the next lint of the bank is to know."""

    report: LintReport
    known: KnownLint = KnownLint()


def examine(body: bytes) -> bytes:
    """Return the LintAnswer about a LintWork, both as JSON."""
    work = msgspec.json.decode(body, type=LintWork)
    drafts = [ItemDraft(ref, json.loads(content), {}) for ref, content in work.items]
    refs = frozenset(work.refs)
    memory = LintMemory(work.known if work.known.mark == work.mark else None)
    checked = check_items(
        drafts,
        work.taxonomy,
        where=Place(),
        known_refs=refs,
        whole=len(drafts) == work.total,
        memory=memory,
    )
    rates = guess_rates(checked.items)
    report = LintReport(work.total, len(drafts), _kinds(checked.findings), [_shortened(one) for one in rates])
    return msgspec.json.encode(LintAnswer(report, memory.fresh(work.mark)))


def _kinds(findings: Iterable[Finding]) -> list[FoundKind]:
    """Gather findings by their kind: what blocks first, then what is found most often."""
    kinds: defaultdict[tuple[Severity, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.severity, finding.code].append(finding)
    order = sorted(kinds, key=lambda kind: (_ORDER.index(kind[0]), -len(kinds[kind]), kind[1]))
    return [
        FoundKind(code, severity, len(kinds[severity, code]), _places(kinds[severity, code]))
        for severity, code in order
    ]


def _places(findings: Sequence[Finding]) -> list[FoundPlace]:
    first = sorted(findings, key=lambda one: one.item)[:LISTED]
    return [
        FoundPlace(one.item, one.value, {name: _plain(value) for name, value in one.params.items()})
        for one in first
    ]


def _plain(value: object) -> str | int | float | list[str]:
    if isinstance(value, str | int | float):
        return value
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value)


def _shortened(rate: GuessRate) -> GuessRate:
    return replace(rate, surest=rate.surest[:LISTED])
