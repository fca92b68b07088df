"""Released results as QTI 3.0 Results Reporting: an assessmentResult for each paper that was taken, in a zip.

Answers stand in authored places, as the items do in a QTI package of the bank; a person is told by our pseudonym.
Times are of the sealed journal, and the key is no part of it.

Source: R-44, R-54, R-60.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.bank.store import contents
from cbt.interchange.markdown import escaped
from cbt.results.desk.scope import ReleasedResult, chunks
from cbt.rules.items.content import LETTERS, ItemContent
from cbt.runner.models import Attempt
from cbt.runner.save.digest import answers_in, journal_texts
from cbt.scoring.late_answers import approved_answers
from cbt.scoring.models import Score
from cbt.storage.unit_of_work import reading

NAMESPACE = "http://www.imsglobal.org/xsd/imsqti_result_v3p0"
SCHEMA = "https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_resultv3p0_v1p0.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
CHUNK = 100
OUR_SYSTEM = "urn:cbt"
Values = tuple[str, str, list[str]]
"""The cardinality of a response, its base type, and its values."""


@dataclass(slots=True)
class _Element:
    """An element that is written: XML is only read in a child, and nothing here is read."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    below: list[_Element] = field(default_factory=list)

    def written(self, indent: str = "") -> str:
        told = "".join(f' {name}="{escaped(value)}"' for name, value in self.attributes.items())
        if self.below:
            inner = "".join(one.written(f"{indent}  ") for one in self.below)
            return f"{indent}<{self.name}{told}>\n{inner}{indent}</{self.name}>\n"
        return f"{indent}<{self.name}{told}>{escaped(self.text)}</{self.name}>\n"


def qti_zip(results: Sequence[ReleasedResult], *, tell: Callable[[int, int], None]) -> tuple[bytes, int]:
    """Return the zip and how many papers are in it; who was absent or wrote nothing has none.

    The papers are read a hundred at a time, each time on a snapshot of its own: a sealed journal does not change.
    """
    target, count = io.BytesIO(), 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, piece in enumerate(chunks(results, CHUNK)):
            with reading() as session:
                members = list(_members(session, piece))
            for name, body in members:
                archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
                count += 1
            tell(min((number + 1) * CHUNK, len(results)), len(results))
    return target.getvalue(), count


def _members(session: Session, results: Sequence[ReleasedResult]) -> Iterator[tuple[str, bytes]]:
    attempts = {
        one.registration_id: one
        for one in session.scalars(
            select(Attempt).where(
                Attempt.registration_id.in_([one.registration_id for one in results]),
                Attempt.started_at.is_not(None),
            )
        )
    }
    scores = {
        one.id: one
        for one in session.scalars(
            select(Score).where(Score.id.in_([one.score_id for one in results if one.score_id]))
        )
    }
    forms = {
        one.id: one
        for one in session.scalars(
            select(Form).where(Form.id.in_({attempt.form_id for attempt in attempts.values()}))
        )
    }
    ids = [attempt.id for attempt in attempts.values()]
    journals, late = journal_texts(session, ids), approved_answers(session, ids)
    places: dict[int, list[tuple[dict[str, Any], ItemContent]]] = {}
    for form in forms.values():
        read: list[dict[str, Any]] = json.loads(form.content)["positions"]
        whole = contents(session, {(one["item"], one["version"]) for one in read}, form.bank_id)
        places[form.id] = [(one, whole[one["item"], one["version"]].part(one.get("part"))) for one in read]
    for result in results:
        attempt, score = attempts.get(result.registration_id), scores.get(result.score_id or 0)
        if attempt is None or score is None:
            continue
        answers = answers_in(journals[attempt.id])
        answers |= {str(place): value or "" for place, value in late.get(attempt.id, {}).items()}
        body = _document(result, attempt, score, places[attempt.form_id], answers)
        yield f"{result.registration_ref}.xml", body


def _document(
    result: ReleasedResult,
    attempt: Attempt,
    score: Score,
    places: Sequence[tuple[Mapping[str, Any], ItemContent]],
    answers: Mapping[str, str],
) -> bytes:
    """Return the assessmentResult of one paper."""
    paper = result.blueprint.papers[result.paper]
    root = _Element(
        "assessmentResult",
        {"xmlns": NAMESPACE, "xmlns:xsi": _XSI, "xsi:schemaLocation": f"{NAMESPACE} {SCHEMA}"},
    )
    context = _below(root, "context", sourcedId=result.candidate_ref)
    _below(context, "sessionIdentifier", sourceID=OUR_SYSTEM, identifier=attempt.ref)
    ended = _instant(attempt.closed_at or score.scored_at)
    test = _below(root, "testResult", identifier=f"{result.blueprint.ref}.{result.paper}", datestamp=ended)
    if attempt.closed_at is not None and attempt.started_at is not None:
        seconds = (attempt.closed_at - attempt.started_at).total_seconds()
        duration = _below(
            test, "responseVariable", identifier="duration", cardinality="single", baseType="duration"
        )
        _values(_below(duration, "candidateResponse"), [f"{seconds:.3f}"])
    if result.score is not None:
        _outcome(test, "SCORE", "float", f"{result.score:f}", most=paper.points, mastery=paper.pass_points)
    _outcome(test, "OUTCOME", "identifier", result.outcome)
    cells = {one["position"]: one for one in json.loads(score.sheet)["positions"]}
    for index, (place, content) in enumerate(places, 1):
        item = _below(
            root,
            "itemResult",
            identifier=item_name(place),
            sequenceIndex=str(index),
            datestamp=ended,
            sessionStatus="final",
        )
        cardinality, base, values = values_of(content, place, answers.get(str(place["position"])) or None)
        response = _below(
            item, "responseVariable", identifier="RESPONSE", cardinality=cardinality, baseType=base
        )
        _values(_below(response, "candidateResponse"), values)
        cell = cells.get(place["position"])
        if cell is not None and cell["earned"] is not None and not cell["void"]:
            _outcome(item, "SCORE", "float", cell["earned"], most=Decimal(cell["points"]))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root.written()}'.encode()


def item_name(place: Mapping[str, Any]) -> str:
    """Return what an item is called, or a part of a case (from 1)."""
    part = place.get("part")
    return str(place["item"]) if part is None else f"{place['item']}.{part + 1}"


def values_of(content: ItemContent, place: Mapping[str, Any], answer: str | None) -> Values:
    """Return an answer in authored places; a response that was left open has no value."""
    given = None if answer is None else json.loads(answer)
    if content.verdicts:
        return "single", "identifier", [] if given is None else ["true" if given == "A" else "false"]
    if content.lettered:
        letters = [] if given is None else [LETTERS[place["order"][LETTERS.index(one)]] for one in given]
        return "multiple" if isinstance(given, list) else "single", "identifier", sorted(letters)
    authored = None if given is None else content.authored(place, given)
    if isinstance(authored, dict):
        pairs = [f"L{left + 1} R{right + 1}" for left, right in sorted(authored.items()) if right is not None]
        return "multiple", "directedPair", pairs
    if isinstance(authored, tuple):
        return "ordered", "identifier", [f"S{step + 1}" for step in authored]
    if isinstance(authored, list) and all(isinstance(one, list) for one in authored):
        return "multiple", "point", [" ".join(map(str, one)) for one in authored]
    if isinstance(authored, list):
        return "ordered", "string", ["" if one is None else str(one) for one in authored]
    return "single", "string", [] if authored is None else [str(authored)]


def _outcome(
    parent: _Element,
    name: str,
    base: str,
    value: str,
    *,
    most: Decimal | None = None,
    mastery: Decimal | None = None,
) -> None:
    bounds = {"normalMaximum": most, "masteryValue": mastery}
    told = {key: f"{bound:f}" for key, bound in bounds.items() if bound is not None}
    outcome = _below(parent, "outcomeVariable", identifier=name, cardinality="single", baseType=base, **told)
    _values(outcome, [value])


def _below(parent: _Element, name: str, **attributes: str) -> _Element:
    made = _Element(name, attributes)
    parent.below.append(made)
    return made


def _values(parent: _Element, values: Sequence[str]) -> None:
    for value in values:
        _below(parent, "value").text = value


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
