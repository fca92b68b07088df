"""The result desk: one person's paper and what its verdict rests on, the matrix, files read back."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cbt.audit.models import AuditEntry
from cbt.jobs import answers as job_answers
from cbt.jobs.registry import job_kinds_of
from cbt.jobs.worker import run_due
from cbt.results.desk import matrix as matrix_module
from cbt.results.desk.matrix import Facilities, facilities_of
from cbt.results.desk.qti import NAMESPACE
from cbt.runner.models import Attempt
from cbt.scoring.models import Score
from cbt.storage.unit_of_work import reading
from tests.helpers import count_queries, flat
from tests.printing.paper import squeezed, told, whole
from tests.results.analysis_scene import hold
from tests.results.appeal_scene import miss_marks, score_of, written
from tests.results.scene import SECOND, finish, release, set_violation
from tests.world import World


def acts(world: World, *names: str) -> list[tuple[str, str, str]]:
    with world.app.app_context(), reading() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.act.in_(names)).order_by(AuditEntry.id))
        return [(one.act, one.subject, one.after) for one in rows]


def paper_url(world: World, name: str) -> str:
    return f"/results/papers/{world.sitters[name].registration_ref}"


def test_a_paper_is_shown_as_it_was_with_all_that_its_verdict_rests_on(world: World, tmp_path: Path) -> None:
    written(world, "theory", positions=range(1, 31))
    release(world)
    officer, sitter = world.staff("officer"), world.sitters["theory"]
    page = officer.get(paper_url(world, "theory")).text
    shown, score = flat(page), score_of(world, "theory")
    with world.app.app_context(), reading() as session:
        attempt = session.get_one(Attempt, sitter.attempt_id)
        receipt, digest = attempt.receipt, attempt.journal_digest
    for told_of in (
        sitter.name,
        sitter.ticket,
        receipt,
        (digest or "")[:16],
        score.sha256[:16],
        str(score.score),
    ):
        assert told_of
        assert told_of in page
    for what in ("封存的试卷", "作答记录", "即时核对", "评分", "开始作答", "第一次保存", "收卷", "发布成绩"):
        assert what in shown
    assert "与封存的一致" in shown
    assert sitter.document not in page
    # The paper in the candidate's own order, for the candidate's own renderers; nothing of the key is in it.
    drawn = json.loads(re.search(r"data-paper='([^']+)'", page)[1])  # type: ignore[index]
    laid = json.loads(re.search(r"data-journal='([^']+)'", page)[1])  # type: ignore[index]
    assert len(drawn["items"]) == 100
    assert laid["answers"] == {str(place): "A" for place in range(1, 31)}
    assert "answer_key" not in json.dumps(drawn)
    # What is said of each item fits the sheet of the score.
    cells = json.loads(score.sheet)["positions"]
    counts = {word: page.count(f'class="item-mark {word}"') // 2 for word in ("right", "wrong", "blank")}
    right = sum(Decimal(cell["earned"]) > 0 for cell in cells)
    assert counts == {"right": right, "wrong": 30 - right, "blank": 70}
    assert acts(world, "results.view_keys") == [
        ("results.view_keys", f"registration:{sitter.registration_ref}", "")
    ]
    # On paper the same, made by the queue and on record.
    pages = whole(officer.get(f"{paper_url(world, 'theory')}/print"), tmp_path, "dossier")
    text = "".join(one.text for one in pages)
    for told_of in (sitter.name, sitter.ticket, receipt, (digest or "")[:16], "统分人"):
        assert squeezed(str(told_of)) in text
    assert ("print.dossier", f"registration:{sitter.registration_ref}", "") in acts(world, "print.dossier")
    journal = officer.get(f"{paper_url(world, 'theory')}/journal").text
    assert journal.count("<tr>") == 31
    # An absent person has a page without a paper.
    gone = officer.get(paper_url(world, "factor"))
    assert gone.status_code == 200
    assert "没有作答" in gone.text
    assert 'id="runner"' not in gone.text


def test_what_was_tampered_with_ruled_on_and_corrected_is_told(world: World) -> None:
    written(world, "theory")
    set_violation(world, "late", "phone_used")
    release(world)
    miss_marks(world, "theory", 3)
    officer = world.staff("officer")
    assert "评分表与重新计算的不一致" in officer.get(paper_url(world, "theory")).text
    ruled = flat(officer.get(paper_url(world, "late")).text)
    assert "违纪裁定" in ruled
    assert "事实清楚" in ruled
    again = {"act": "correct", "reason": "复查更正", **SECOND}
    assert officer.post(f"/results/{world.sitting_ref}/release", data=again).status_code == 303
    assert "复查更正" in officer.get(paper_url(world, "theory")).text


@pytest.mark.once
@pytest.mark.parametrize(
    ("role", "reads", "keys", "exports"),
    [
        pytest.param("officer", True, True, True, id="officer"),
        pytest.param("chief_proctor", True, True, False, id="chief"),
        pytest.param("inspector", True, False, False, id="inspector"),
        pytest.param("proctor", False, False, False, id="proctor"),
        pytest.param("author", False, False, False, id="author"),
        pytest.param("admin", False, False, False, id="admin"),
    ],
)
def test_who_sees_papers_and_keys_and_who_exports(
    world: World, tmp_path: Path, role: str, reads: bool, keys: bool, exports: bool
) -> None:
    written(world, "theory")
    release(world)
    client, base = world.staff(role), f"/results/{world.sitting_ref}/desk"
    places = (base, f"/results/batches/{world.batch_ref}/desk", f"{paper_url(world, 'theory')}/journal")
    assert {client.get(place).status_code for place in places} == {200 if reads else 403}
    page = client.get(paper_url(world, "theory"))
    assert page.status_code == (200 if reads else 403)
    assert ("标准答案" in page.text) is keys
    printed = client.get(f"{paper_url(world, 'theory')}/print")
    assert printed.status_code == (200 if reads else 403)
    if reads:
        assert ("标准答案" in told(printed, tmp_path)) is keys
    for form in ("qti", "oneroster", "centre"):
        assert client.post(f"{base}/{form}").status_code == (200 if exports else 403)
    assert client.post(f"{base}/nothing").status_code == (404 if exports else 403)


def test_the_matrix_has_the_best_first_and_the_easiest_items_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_module, "PEOPLE", 8)
    monkeypatch.setattr(matrix_module, "ITEMS", 30)
    held = hold(world, 12)
    officer, url = world.staff("officer"), f"/results/{held.sitting_ref}/desk"
    page = officer.get(url).text
    scores = [Decimal(one) for one in re.findall(r'</th>\s*<td class="n">([\d.]+)</td>', page)]
    assert len(scores) == 8
    assert scores == sorted(scores, reverse=True)
    ease = [int(one) for one in re.findall(r'<td class="num">(\d+)</td>', page)]
    assert len(ease) == 30
    assert ease == sorted(ease, reverse=True)
    with world.app.app_context():
        found: Facilities = facilities_of(held.sitting_ref)
        with reading() as session:
            attempts = {one.attempt_id for one in held.seated}
            sheets = [score_sheet(session, one) for one in sorted(attempts)]
    ((_title, items),) = found.papers.items()
    for item in (items[0], items[50], items[-1]):
        cells = [
            cell
            for sheet in sheets
            for cell in sheet["positions"]
            if (cell["item"], cell["part"]) == (item.item, item.part)
        ]
        assert item.n == len(cells) == 12
        assert item.share == pytest.approx(sum(float(cell["earned"]) for cell in cells) / 12)
    # The cells of a page of items fit the sheets: of the best, as many are right as the sheet says.
    best = max(sheets, key=lambda sheet: Decimal(sheet["score"]))
    pages = [page, *(officer.get(f"{url}?items={number}").text for number in (2, 3, 4))]
    rows = [re.search(r"<tbody>.*?</tr>", text, re.S)[0] for text in pages]  # type: ignore[index]
    right = sum(cell["earned"] == cell["points"] for cell in best["positions"])
    assert sum(row.count("cell right") for row in rows) == right
    assert sum(row.count('<td class="cell') for row in rows) == 100
    assert len(re.findall(r"<tr>\s*<th scope=\"row\">\s*<a", officer.get(f"{url}?page=2").text)) == 4


@pytest.mark.once(on="sqlite")
def test_the_matrix_is_kept_and_asks_as_much_for_more_people(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_module, "PEOPLE", 6)
    job_kinds_of(world.app).worker_is_kept = True
    monkeypatch.setattr(job_answers, "PATIENCE_SECONDS", 0.0)
    counts = []
    for people, seed in ((6, 1), (24, 2)):
        held = hold(world, people, seed=seed, first=100 * seed)
        client = world.staff("inspector")
        base = f"/results/{held.sitting_ref}/desk"
        waits = client.get(base)
        assert "/jobs/" in waits.headers["Location"]
        with world.app.app_context():
            assert run_due(now=world.clock.now()) == 1
        assert client.get(waits.headers["Location"]).headers["Location"] == base
        assert client.get(base).status_code == 200
        with count_queries(world.app) as asked:
            assert client.get(base).text.count("/results/papers/") == 6
        counts.append(len(asked))
        person = client.get(base).text
        paper = re.search(r"/results/papers/[\w-]+", person)[0]  # type: ignore[index]
        client.get(paper)
        with count_queries(world.app) as asked:
            assert client.get(paper).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[2] <= 12, counts
    assert counts[1] == counts[3] <= 50, counts


def score_sheet(session: Session, attempt_id: int) -> dict[str, Any]:
    return json.loads(session.scalars(select(Score.sheet).where(Score.attempt_id == attempt_id)).one())


def members(answer: TestResponse) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_exports_hold_what_was_released_and_are_read_back(world: World) -> None:
    written(world, "theory", positions=range(1, 11))
    set_violation(world, "late", "phone_used")
    officer, base = world.staff("officer"), f"/results/{world.sitting_ref}/desk"
    early = officer.post(f"{base}/qti")
    assert early.status_code == 409
    assert "还没有已发布的成绩" in early.text
    release(world)
    score = score_of(world, "theory")
    files = members(officer.post(f"{base}/oneroster"))
    assert set(files) == {"manifest.csv", "lineItems.csv", "results.csv"}
    tables = {
        name: list(csv.DictReader(io.StringIO(body.decode("utf-8"), newline="")))
        for name, body in files.items()
    }
    manifest = {one["propertyName"]: one["value"] for one in tables["manifest.csv"]}
    assert manifest["oneroster.version"] == "1.2"
    assert {key for key, value in manifest.items() if value == "bulk"} == {"file.lineItems", "file.results"}
    rows = {one["sourcedId"]: one for one in tables["results.csv"]}
    assert len(rows) == len(world.sitters)
    items = {one["sourcedId"]: one for one in tables["lineItems.csv"]}
    assert {one["lineItemSourcedId"] for one in rows.values()} == set(items)
    mine = rows[world.sitters["theory"].registration_ref]
    assert (Decimal(mine["score"]), mine["scoreStatus"]) == (score.score, "fully graded")
    assert items[mine["lineItemSourcedId"]]["resultValueMax"] == "100"
    gone, out = (rows[world.sitters[name].registration_ref] for name in ("factor", "late"))
    assert (gone["score"], gone["scoreStatus"], gone["missing"]) == ("", "not submitted", "true")
    assert (out["score"], out["textScore"]) == ("", "violation")
    # Each paper that was taken, in the structure of the results schema; nobody is called by name or document.
    papers = members(officer.post(f"{base}/qti"))
    assert f"{world.sitters['factor'].registration_ref}.xml" not in papers
    everything = b"".join([*papers.values(), *files.values()]).decode()
    assert not any(one.document in everything or one.name in everything for one in world.sitters.values())
    root = etree.fromstring(papers[f"{world.sitters['theory'].registration_ref}.xml"])
    assert_is_an_assessment_result(root)
    ns = {"q": NAMESPACE}
    assert root.xpath(
        "string(q:testResult/q:outcomeVariable[@identifier='SCORE']/q:value)", namespaces=ns
    ) == str(score.score)
    results = root.findall("q:itemResult", ns)
    assert len(results) == 100
    given = [one.findall("q:responseVariable/q:candidateResponse/q:value", ns) for one in results]
    assert sum(map(bool, given)) == 10
    earned = root.xpath("q:itemResult/q:outcomeVariable[@identifier='SCORE']/q:value/text()", namespaces=ns)
    assert [Decimal(one) for one in earned] == [
        Decimal(cell["earned"]) for cell in json.loads(score.sheet)["positions"]
    ]
    told_acts = acts(world, "results.export")
    assert [json.loads(after)["file"] for _act, _subject, after in told_acts] == ["oneroster", "qti"]
    assert members(officer.post(f"/results/batches/{world.batch_ref}/desk/oneroster")).keys() == files.keys()


ORDER = {
    "assessmentResult": ("context", "testResult", "itemResult"),
    "context": ("sessionIdentifier",),
    "testResult": ("responseVariable", "outcomeVariable"),
    "itemResult": ("responseVariable", "outcomeVariable"),
    "responseVariable": ("candidateResponse",),
    "outcomeVariable": ("value",),
    "candidateResponse": ("value",),
    "sessionIdentifier": (),
    "value": (),
}
MUST = {
    "context": {"sourcedId"},
    "sessionIdentifier": {"sourceID", "identifier"},
    "testResult": {"identifier", "datestamp"},
    "itemResult": {"identifier", "sequenceIndex", "datestamp", "sessionStatus"},
    "responseVariable": {"identifier", "cardinality", "baseType"},
    "outcomeVariable": {"identifier", "cardinality", "baseType"},
}


def assert_is_an_assessment_result(root: etree._Element) -> None:
    """Hold a document against the structure of imsqti_resultv3p0_v1p0.xsd: elements, their order, attributes."""
    assert root.tag == f"{{{NAMESPACE}}}assessmentResult"
    for node in root.iter():
        name = etree.QName(node).localname
        places = [ORDER[name].index(etree.QName(child).localname) for child in node]
        assert places == sorted(places), name
        assert MUST.get(name, set()) <= set(node.attrib), name
        if name == "itemResult":
            assert node.get("sessionStatus") in {"final", "initial", "pendingSubmission"}
        if "datestamp" in node.attrib:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", node.get("datestamp"))


@pytest.mark.once
@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_report_of_a_centre_accounts_for_everybody(world: World, tmp_path: Path, locale: str) -> None:
    finish(world)
    set_violation(world, "late", "phone_used")
    client = world.staff("officer")
    client.set_cookie("locale", locale)
    pages = whole(client.post(f"/results/{world.sitting_ref}/desk/centre"), tmp_path, f"centre-{locale}")
    text = "".join(page.text for page in pages)
    names = (
        ("应考", "实考", "缺考", "违纪", "合格率") if locale == "zh" else ("Expected", "Absent", "Passrate")
    )
    assert all(name in text for name in names)
    assert "desk." not in text
    ((_act, subject, _after),) = acts(world, "print.centre_report")
    assert subject == f"sitting:{world.sitting_ref}"


@pytest.mark.once
def test_a_batch_leads_to_its_sittings_and_people(world: World) -> None:
    finish(world)
    officer, url = world.staff("officer"), f"/results/batches/{world.batch_ref}/desk"
    page = officer.get(url).text
    assert f"/results/{world.sitting_ref}/desk" in page
    assert all(one.registration_ref in page for one in world.sitters.values())
    mine = world.sitters["theory"]
    found = officer.get(url, query_string={"q": mine.ticket}).text
    assert mine.registration_ref in found
    assert world.sitters["late"].registration_ref not in found
    assert officer.get(f"/results/{world.sitting_ref}").text.count("/results/papers/") == len(world.sitters)
