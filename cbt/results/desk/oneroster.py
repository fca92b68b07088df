"""Released results as OneRoster 1.2 CSV: manifest, line items (a paper of a sitting each) and results, in a zip.

People are told by our own pseudonym (`sourcedId`), never by a document; classes, grading periods and schools are
those of the batch, the batch and the centre.

Source: R-60, R-90.
"""

from __future__ import annotations

import codecs
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from flask_babel import gettext as _

from cbt.http.i18n import local_day
from cbt.releases import product_version
from cbt.results.desk.scope import ReleasedResult, ResultScope
from cbt.rules.retake import PaperOutcome
from cbt.sittings.models import Centre, Sitting
from cbt.spreadsheets.writer import to_csv

FILES = (
    "academicSessions", "categories", "classes", "classResources", "courses", "courseResources",
    "demographics", "enrollments", "lineItemLearningObjectiveIds", "lineItems", "lineItemScoreScales",
    "orgs", "resources", "resultLearningObjectiveIds", "results", "resultScoreScales", "roles",
    "scoreScales", "userProfiles", "userResources", "users",
)  # fmt: skip
SENT = frozenset({"lineItems", "results"})
LINE_ITEM_HEADS = (
    "sourcedId", "status", "dateLastModified", "title", "description", "assignDate", "dueDate",
    "classSourcedId", "categorySourcedId", "gradingPeriodSourcedId", "resultValueMin", "resultValueMax",
    "schoolSourcedId",
)  # fmt: skip
RESULT_HEADS = (
    "sourcedId", "status", "dateLastModified", "lineItemSourcedId", "studentSourcedId", "scoreStatus",
    "score", "scoreDate", "comment", "textScore", "classSourcedId", "inProgress", "incomplete", "late",
    "missing",
)  # fmt: skip
STATES: Mapping[PaperOutcome, str] = {
    PaperOutcome.PASSED: "fully graded",
    PaperOutcome.FAILED: "fully graded",
    PaperOutcome.ABSENT: "not submitted",
    PaperOutcome.VIOLATION: "submitted",
    PaperOutcome.VOID: "submitted",
}


def oneroster_zip(scope: ResultScope, results: Sequence[ReleasedResult]) -> bytes:
    """Return the zip: equal results, equal bytes."""
    sittings = {sitting.id: (sitting, centre) for sitting, centre in scope.sittings}
    last: dict[str, datetime] = {}
    for one in results:
        name = _line_item(sittings[one.sitting_id][0], one)
        last[name] = max(one.released_at, last.get(name, one.released_at))
    first = {_line_item(sittings[one.sitting_id][0], one): one for one in reversed(results)}
    members: dict[str, list[Sequence[str]]] = {
        "manifest.csv": [
            ("propertyName", "value"),
            ("manifest.version", "1.0"),
            ("oneroster.version", "1.2"),
            *((f"file.{name}", "bulk" if name in SENT else "absent") for name in FILES),
            ("source.systemName", "cbt"),
            ("source.systemCode", product_version()),
        ],
        "lineItems.csv": [
            LINE_ITEM_HEADS,
            *(
                _line_item_row(
                    name, first[name], *sittings[first[name].sitting_id], last[name], scope.batch.ref
                )
                for name in sorted(first)
            ),
        ],
        "results.csv": [
            RESULT_HEADS,
            *(_result_row(one, sittings[one.sitting_id][0], scope.batch.ref) for one in results),
        ],
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in members.items():
            body = to_csv(rows).removeprefix(codecs.BOM_UTF8)
            archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _line_item(sitting: Sitting, result: ReleasedResult) -> str:
    return f"{sitting.ref}.{result.blueprint.ref}.{result.paper}"


def _line_item_row(
    name: str, result: ReleasedResult, sitting: Sitting, centre: Centre, changed: datetime, batch: str
) -> list[str]:
    day = local_day(sitting.planned_start_at).isoformat()
    title = result.blueprint.paper_title(result.paper)
    points = result.blueprint.papers[result.paper].points
    return [
        name, "active", _instant(changed), title, f"{sitting.name} · {centre.name}", day, day,
        batch, result.paper, batch, "0", f"{points:f}", centre.ref,
    ]  # fmt: skip


def _result_row(result: ReleasedResult, sitting: Sitting, batch: str) -> list[str]:
    outcome = PaperOutcome(result.outcome)
    return [
        result.registration_ref,
        "active",
        _instant(result.released_at),
        _line_item(sitting, result),
        result.candidate_ref,
        STATES[outcome],
        "" if result.score is None else f"{result.score:f}",
        local_day(result.released_at).isoformat(),
        str(_(f"results.outcome.{outcome}")),
        outcome.value,
        batch,
        "false",
        "false",
        "false",
        "true" if outcome is PaperOutcome.ABSENT else "false",
    ]


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
