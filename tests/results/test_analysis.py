"""试卷质量分析: figures that fit the score sheets, who sees them, files on record, what is kept."""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from cbt.audit.models import AuditEntry
from cbt.demo.build import FormPlace
from cbt.demo.world import Gathering
from cbt.jobs import answers as job_answers
from cbt.jobs.models import Job
from cbt.jobs.registry import job_kinds_of
from cbt.jobs.worker import run_due
from cbt.results.analysis import answers
from cbt.results.analysis.answers import answers_of, centres_of, sittings_over
from cbt.results.analysis.child import flags_of, report_of
from cbt.results.analysis.figures import ChoiceFigures, ItemColumn, PaperAnswers, PaperReport
from cbt.runner.models import Attempt
from cbt.scoring.models import Score
from cbt.sittings.models import Centre, Sitting, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, flat, log_can_be_emptied
from tests.printing.paper import told
from tests.results.analysis_scene import hold, usual
from tests.results.scene import finish
from tests.world import World

PLANTED = 5
"""At this position the best take a wrong choice, all the same one."""


def planted(place: FormPlace, ability: float, rng: random.Random) -> Any:
    if place.position != PLANTED:
        return usual(place, ability, rng)
    return place.right() if ability < 0 else place.wrong()


def analysed(world: World, held: Gathering) -> PaperReport:
    """Return the figures of a sitting's only paper, worked out in this process."""
    with world.app.app_context():
        with reading() as session:
            places = centres_of(session, sittings_over(session, Sitting.ref == held.sitting_ref))
        (paper,) = answers_of(places, by_rooms=True)
        return report_of(paper)


def sheets_of(world: World, held: Gathering) -> list[dict[str, Any]]:
    with world.app.app_context(), reading() as session:
        ids = [one.attempt_id for one in held.seated]
        return [
            json.loads(text) for text in session.scalars(select(Score.sheet).where(Score.attempt_id.in_(ids)))
        ]


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_while_figures_are_worked_out_the_log_can_be_emptied(world: World) -> None:
    held = hold(world, 6, answer=planted)
    with world.app.app_context():
        with reading() as session:
            places = centres_of(session, sittings_over(session, Sitting.ref == held.sitting_ref))
        assert [log_can_be_emptied() for _ in answers_of(places, by_rooms=True)] == [True]


def test_the_figures_fit_the_score_sheets(world: World) -> None:
    held = hold(world, 24, answer=planted)
    paper, sheets = analysed(world, held), sheets_of(world, held)
    scores = [float(sheet["score"]) for sheet in sheets]
    assert (paper.n, paper.forms, paper.few) == (24, 1, False)
    assert paper.mean.value == pytest.approx(sum(scores) / 24)
    assert (paper.best, paper.worst) == (max(scores), min(scores))
    assert paper.bands == [
        sum(10 * place <= score < 10 * place + 10 + (place == 9) for score in scores) for place in range(10)
    ]
    assert paper.passed.value == pytest.approx(sum(score >= 60 for score in scores) / 24)
    right: defaultdict[str, list[float]] = defaultdict(list)
    for sheet in sheets:
        for cell in sheet["positions"]:
            right[cell["item"]].append(float(cell["earned"]) / float(cell["points"]))
    assert {item.column.ref: item.difficulty.value for item in paper.items} == pytest.approx(
        {ref: sum(shares) / 24 for ref, shares in right.items()}
    )
    assert paper.reliability is not None
    assert paper.reliability.method == "kr20"
    (item,) = [one for one in paper.items if one.column.ref == sheets[0]["positions"][PLANTED - 1]["item"]]
    assert item.flags[:3] == ["negative", "distractor_over_key", "key_missed"]
    assert sum(one.all for one in item.choices) == pytest.approx(1 - item.omitted)
    # Whatever the order in which a form shows choices, those of the key were taken by whoever was right.
    assert [sum(one.all for one in item.choices if one.key) for item in paper.items] == pytest.approx(
        [item.difficulty.value for item in paper.items]
    )
    assert {one.name: one.n for one in paper.by_place} == {"机房 1": 12, "机房 2": 12}
    assert sum(cell.points for cell in paper.table) == pytest.approx(100)
    assert {one.name for one in paper.by_type} == {"true_false", "single_choice"}


@pytest.mark.once
def test_papers_drawn_for_each_are_told_as_such(world: World) -> None:
    held = hold(world, 12, forms=12)
    paper = analysed(world, held)
    assert (paper.n, paper.forms) == (12, 12)
    assert paper.reliability is not None
    assert paper.reliability.method == "nested"
    assert Counter(item.n for item in paper.items).keys() - {12}
    # The first item is asked of few people: it is flagged by nothing, whatever they answered.
    assert all(not item.flags for item in paper.items if item.n < 10)
    page = world.staff("officer").get(f"/results/{held.sitting_ref}/analysis").text
    assert "每人一卷" in page


@pytest.mark.once
def test_the_database_is_asked_by_chunks_of_people(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "CHUNK", 10)
    counts = []
    for people, seed in ((10, 1), (20, 2), (40, 3)):
        held = hold(world, people, seed=seed, first=100 * seed)
        analysed(world, held)  # what a process reads of items and blueprints once is read
        with count_queries(world.app) as asked:
            analysed(world, held)
        counts.append(len(asked))
    by_chunk = counts[1] - counts[0]
    assert 0 < by_chunk <= 7
    assert counts[2] - counts[1] == 2 * by_chunk


@pytest.mark.once
def test_page_report_and_workbook_say_the_same_in_both_languages(world: World, tmp_path: Path) -> None:
    held = hold(world, 14, answer=planted)
    paper = analysed(world, held)
    client, base = world.staff("officer"), f"/results/{held.sitting_ref}/analysis"
    for locale, word in (("zh", "试卷质量分析"), ("en", "Quality of the paper")):
        client.set_cookie("locale", locale)
        page = flat(client.get(base).text)
        assert word in page
        assert f"{paper.mean.value:.1f}" in page
        assert page.count('<svg class="chart"') == 2 + sum(bool(item.choices) for item in paper.flagged[:24])
        assert not re.search(r"\banalysis\.[a-z]", re.sub(r'(?:href|src|action)="[^"]*"', "", page))
        text = told(client.post(f"{base}/report"), tmp_path)
        assert f"{paper.mean.value:.1f}" in text
        assert "analysis." not in text
        book = CalamineWorkbook.from_filelike(BytesIO(client.post(f"{base}/workbook").data))
        rows = book.get_sheet_by_index(2).to_python()
        assert {row[0]: row[5] for row in rows[2 : 2 + len(paper.items)]} == pytest.approx(
            {item.column.ref: item.difficulty.value for item in paper.items}
        )
    with world.app.app_context(), reading() as session:
        acts = Counter(session.scalars(select(AuditEntry.act)))
    assert (acts["print.analysis"], acts["results.analysis_export"]) == (2, 2)


@pytest.mark.once
def test_a_year_a_centre_and_a_room_are_scopes_that_say_what_they_are(world: World, tmp_path: Path) -> None:
    held = hold(world, 24, answer=planted)
    client, year = world.staff("officer"), world.clock.now().year
    with world.app.app_context(), reading() as session:
        centre = session.scalars(
            select(Centre.ref)
            .join(Sitting, Sitting.centre_id == Centre.id)
            .where(Sitting.ref == held.sitting_ref)
        ).one()
        room = session.scalars(select(SittingRoom.ref).where(SittingRoom.id == held.rooms[0][0])).one()
    assert client.get(f"/results/analysis?year={year}").location == f"/results/years/{year}/analysis"
    chosen = client.get(f"/results/analysis?year={year}&centre={centre}").location
    assert chosen == f"/results/centres/{centre}/{year}/analysis"
    assert f'<option value="{year}">' in client.get("/results/analysis").text
    for base, title, people in (
        (f"/results/years/{year}/analysis", f"{year} 年全部场次", 24),
        (chosen, f"· {year} 年", 24),
        (f"/results/rooms/{room}/analysis", "考场 ", 12),
    ):
        page = flat(client.get(base).text)
        assert title in page
        assert f"{people} 人。" in page
        text = told(client.post(f"{base}/report"), tmp_path)
        assert "共1个场次" in text
        book = CalamineWorkbook.from_filelike(BytesIO(client.post(f"{base}/workbook").data))
        assert title in str(book.get_sheet_by_index(0).to_python()[0][0])
    # Its sitting compares the rooms, in a picture and a table, and leads to each.
    page = client.get(f"/results/{held.sitting_ref}/analysis").text
    assert "平均分与 95% 区间" in page
    assert f'href="/results/rooms/{room}/analysis"' in page
    for nothing in ("years/2/analysis", "years/2031/analysis", f"centres/{centre}/2031/analysis"):
        assert client.get(f"/results/{nothing}").status_code in {404, 409}
    assert client.get("/results/rooms/nowhere/analysis").status_code == 404


@pytest.mark.once
def test_a_place_that_differs_stands_out_and_one_of_few_people_has_no_figures() -> None:
    answers = made_up(100, 10)
    places = [2 if number > 95 else number % 2 for number in range(100)]
    low = [score / (1 + (place == 0)) for score, place in zip(answers.scores, places, strict=True)]
    paper = report_of(msgspec.structs.replace(answers, scores=low, places=places))
    one, other, few = paper.by_place
    assert one.apart is not None
    assert (one.apart.stands_out, one.apart.effect < 0, one.interval is not None) == (True, True, True)
    assert other.apart is not None
    assert other.apart.effect > 0
    assert (few.n, few.mean, few.sd, few.pass_rate, few.apart) == (4, None, None, None, None)


@pytest.mark.once
def test_of_few_people_it_says_so_and_of_a_score_without_items_what_it_can(world: World) -> None:
    finish(world)
    client = world.staff("officer")
    for page in (f"/results/{world.sitting_ref}/analysis", f"/results/batches/{world.batch_ref}/analysis"):
        text = client.get(page).text
        assert "样本过少" in text
        assert "少于 10 人" in text
        assert 'id="items"' not in text
    assert client.get("/results/nowhere/analysis").status_code == 404
    assert client.get("/results/batches/nowhere/analysis").status_code == 404


@pytest.mark.once
def test_a_batch_without_an_ended_sitting_has_none(world: World) -> None:
    answer = world.staff("officer").get(f"/results/batches/{world.batch_ref}/analysis")
    assert answer.status_code == 409
    assert "还没有结束的场次" in answer.text


@pytest.mark.once
@pytest.mark.parametrize(
    ("role", "reads", "takes"),
    [
        ("officer", True, True),
        ("chief_proctor", True, False),
        ("inspector", True, False),
        ("proctor", False, False),
        ("author", False, False),
    ],
)
def test_who_sees_the_figures_and_who_takes_them_along(
    world: World, role: str, reads: bool, takes: bool
) -> None:
    finish(world)
    client, base = world.staff(role), f"/results/{world.sitting_ref}/analysis"
    page = client.get(base)
    assert page.status_code == (200 if reads else 403)
    assert (f'action="{base}/report"' in page.text) == takes
    assert client.post(f"{base}/workbook").status_code == (200 if takes else 403)


@pytest.mark.once
def test_the_figures_are_kept_until_a_score_changes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held = hold(world, 10)
    job_kinds_of(world.app).worker_is_kept = True
    monkeypatch.setattr(job_answers, "PATIENCE_SECONDS", 0.0)
    client, base = world.staff("inspector"), f"/results/{held.sitting_ref}/analysis"

    def jobs() -> int:
        with world.app.app_context(), reading() as session:
            return session.scalar(select(func.count()).select_from(Job)) or 0

    waits = client.get(base)
    assert waits.status_code == 303
    with world.app.app_context():
        assert run_due(now=world.clock.now()) == 1
    led = client.get(waits.headers["Location"])
    assert led.headers["Location"] == base
    assert [client.get(base).status_code, client.get(base).status_code, jobs()] == [200, 200, 1]
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, held.seated[0].attempt_id)
        former = session.scalars(select(Score).where(Score.attempt_id == attempt.id)).one()
        again = {one.name: getattr(former, one.name) for one in Score.__table__.columns if one.name != "id"}
        session.add(Score(**again | {"number": 2}))
    assert [client.get(base).status_code, jobs()] == [303, 2]


def made_up(people: int, items: int) -> PaperAnswers:
    """Return answers to right-or-wrong items of one form; the first is harder for women than their points say."""
    chance = np.random.default_rng(4)
    women = np.arange(people) % 2 == 0
    logits = chance.normal(size=(people, 1)) - np.linspace(-1, 1, items)
    logits[women, 0] -= 1.5
    right = chance.random((people, items)) < 1 / (1 + np.exp(-logits))
    person, item = np.divmod(np.arange(people * items, dtype=np.int32), np.int32(items))
    worth = 100 / items
    column = partial(ItemColumn, version=1, part=None, type="single_choice", group="", point="")
    return PaperAnswers(
        title="",
        points=100.0,
        pass_points=60.0,
        scores=(right.sum(axis=1) * worth).tolist(),
        items=[
            column(ref=f"i{number}", range="", importance="", expert=3, choices=0, key=0)
            for number in range(items)
        ],
        person=person.tobytes(),
        item=item.tobytes(),
        stratum=np.zeros(people * items, np.int32).tobytes(),
        earned=(right * worth).ravel().tobytes(),
        worth=np.full(people * items, worth).tobytes(),
        chosen=np.full(people * items, -1, np.int32).tobytes(),
        answered=np.ones(people * items, np.int8).tobytes(),
        forms=[0] * people,
        places=[number % 3 for number in range(people)],
        place_names=["甲", "乙", "丙"],
        genders=["female" if woman else "male" for woman in women],
        names={},
        weights={},
    )


@pytest.mark.once
def test_an_item_that_is_harder_for_some_is_named_and_few_are_not_compared() -> None:
    paper = report_of(made_up(600, 20))
    assert [(one.kind, one.n, one.others) for one in paper.compared] == [
        ("gender", 300, 300),
        *[("place", 200, 400)] * 3,
    ]
    assert [(one.item, one.focal, one.size) for one in paper.dif if one.focal == "female"] == [
        (0, "female", "C")
    ]
    assert paper.dif[0].delta < -1.5
    few = report_of(made_up(198, 20))
    assert (few.compared, few.dif) == ([], [])


@pytest.mark.once
@pytest.mark.parametrize(
    ("difficulty", "d", "r", "key", "others", "flags"),
    [
        pytest.param(0.6, 0.4, 0.3, 0.9, (0.1, 0.05), [], id="a good item"),
        pytest.param(0.95, 0.1, 0.1, 1.0, (0.0, 0.0), ["too_easy"], id="nearly everybody"),
        pytest.param(0.05, 0.1, 0.1, 0.6, (0.3, 0.1), ["too_hard"], id="nearly nobody"),
        pytest.param(0.5, 0.2, -0.01, 0.6, (0.3, 0.1), ["negative"], id="a hair below"),
        pytest.param(
            0.4, 0.2, 0.2, 0.4, (0.5, 0.1), ["distractor_over_key", "key_missed"], id="a distractor"
        ),
        pytest.param(0.5, 0.2, 0.2, 0.5, (0.5, 0.0), [], id="on the line"),
    ],
)
def test_what_is_to_be_looked_at_of_an_item(
    difficulty: float, d: float, r: float, key: float, others: tuple[float, ...], flags: list[str]
) -> None:
    choices = [ChoiceFigures(True, key, 0.5, 0.5, 0.5)]
    choices += [ChoiceFigures(False, share, 0.2, 0.2, 0.2) for share in others]
    assert flags_of("single_choice", difficulty, d, r, choices) == flags
    unused = [*choices, ChoiceFigures(False, 0.0, 0.0, 0.0, 0.0)]
    assert flags_of("single_choice", difficulty, d, r, unused) == [*flags, "unused"]
