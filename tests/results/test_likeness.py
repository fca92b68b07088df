"""雷同作答: a planted pair is found with its evidence, honest ones are not, a case waits for another's ruling."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.demo.build import FormPlace
from cbt.demo.world import Gathering
from cbt.jobs import answers as job_answers
from cbt.jobs.registry import job_kinds_of
from cbt.jobs.worker import run_due
from cbt.proctoring.models import IncidentReport
from cbt.results.analysis.answers import answers_of, centres_of, sittings_over
from cbt.results.likeness.child import likeness_of, taken_choices
from cbt.results.likeness.figures import LikenessOrder, PaperLikeness
from cbt.results.likeness.seats import beside, plans_of, seats_of
from cbt.rules.items.content import LETTERS
from cbt.sittings.models import Sitting
from cbt.storage.unit_of_work import reading
from tests.helpers import count_queries, flat
from tests.printing.paper import told
from tests.results.analysis_scene import hold, usual
from tests.world import World

SOURCE, COPIER = 10, 12
"""In two rooms by turns, so these sit beside each other."""
ALSO = 13
"""Has the same answers, in the other room."""


class Planted:
    """Answers as usual, but for one who has a weak neighbour's answers of most items, by item and choice."""

    def __init__(self, *copiers: int) -> None:
        self.person = -1
        self.copiers = copiers
        self.kept: dict[tuple[str, int | None], int] = {}

    def __call__(self, place: FormPlace, ability: float, rng: random.Random) -> Any:
        if place.position == 1:
            self.person += 1
        key, order = (place.shape["item"], place.shape["part"]), place.shape["order"]
        if self.person in self.copiers and key in self.kept and rng.random() < 0.85:
            return LETTERS[order.index(self.kept[key])]
        value = usual(place, -0.8 if self.person in (SOURCE, *self.copiers) else ability, rng)
        if self.person == SOURCE and value is not None:
            self.kept[key] = order[LETTERS.index(value[0])]
        return value


def compared(world: World, held: Gathering) -> tuple[PaperLikeness, LikenessOrder]:
    """Return what is found among a sitting's people, worked out in this process."""
    with world.app.app_context(), reading() as session:
        (sitting,) = sittings_over(session, Sitting.ref == held.sitting_ref)
        places = centres_of(session, [sitting])
        seats, plans = seats_of(session, sitting.id), plans_of(session, sitting.id)
    with world.app.app_context():
        (answers,) = answers_of(places, by_rooms=True, for_likeness=True)
    order = LikenessOrder(answers, beside(answers.attempts, seats, plans))
    return likeness_of(order), order


def acts(world: World, act: str) -> int:
    with world.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).where(AuditEntry.act == act)) or 0


@pytest.mark.parametrize("forms", [1, 2])
def test_a_planted_pair_is_found_whatever_order_their_forms_have(world: World, forms: int) -> None:
    held = hold(world, 40, forms=forms, answer=Planted(COPIER, ALSO))
    paper, order = compared(world, held)
    attempts = [one.attempt_id for one in held.seated]
    assert (paper.n, paper.looked_at, paper.few) == (40, 780, False)
    near = np.frombuffer(order.beside, np.int32).reshape(-1, 2)
    assert paper.beside == len(near) == 38
    pairs = {frozenset((pair.one, pair.other)): pair for pair in paper.pairs}
    planted = pairs[frozenset((attempts[SOURCE], attempts[COPIER]))]
    assert planted.beside
    assert not pairs[frozenset((attempts[SOURCE], attempts[ALSO]))].beside
    known = {attempts[SOURCE], attempts[COPIER], attempts[ALSO]}
    assert all(pair <= known for pair in pairs)
    assert planted.same_wrong > 20
    assert planted.gbt < 1e-6
    assert planted.m4 < 1e-6
    given = taken_choices(order.answers)
    people = [order.answers.attempts.index(attempts[who]) for who in (SOURCE, COPIER)]
    one, other = given.taken[people[0]], given.taken[people[1]]
    assert planted.same == ((one == other) & (one >= 0)).sum()
    # Every answer took nine seconds: nobody is rapid.
    assert [pace.rapid_right for pace in planted.paces] == [0, 0]
    assert paper.paced == []


@pytest.mark.once
def test_pages_say_the_same_in_both_languages_and_on_paper(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = hold(world, 40, forms=2, answer=Planted(COPIER))
    client, base = world.staff("officer"), f"/results/{held.sitting_ref}/likeness"
    for locale, words in (("zh", ("雷同作答", "邻座", "不能认定任何人违纪")), ("en", ("Likeness", "Beside"))):
        client.set_cookie("locale", locale)
        page = flat(client.get(base).text)
        assert all(word in page for word in words)
        (link,) = re.findall(rf'href="({base}/[^"/]+/[^"/]+)"', page)
        evidence = flat(client.get(link).text)
        for text in (page, evidence):
            assert not re.search(r"\blikeness\.[a-z]", re.sub(r'(?:href|src|action)="[^"]*"', "", text))
        assert ("对诚实考生中" in evidence) == (locale == "zh")
        assert evidence.count('<tr class="same-wrong">') > 20
        assert "0:09" in evidence
        paper = told(client.post(f"{link}/paper"), tmp_path)
        assert "likeness." not in paper
        assert ("GBT" in paper, "ω" in paper) == (True, True)
    other = re.sub(r"[^/]+$", "nobody", link)
    assert client.get(other).status_code == 404
    assert acts(world, "print.likeness") > 0
    job_kinds_of(world.app).worker_is_kept = True
    monkeypatch.setattr(job_answers, "PATIENCE_SECONDS", 0.0)
    assert client.get(base).status_code == 303
    with world.app.app_context():
        assert run_due(now=world.clock.now()) == 1
    with count_queries(world.app) as asked:
        assert client.get(base).status_code == 200
    assert len(asked) <= 14
    with count_queries(world.app) as asked:
        client.get(link)
    assert len(asked) <= 24


@pytest.mark.once
def test_a_case_makes_the_result_wait_for_somebody_elses_ruling(world: World) -> None:
    held = hold(world, 40, answer=Planted(COPIER))
    client, base = world.staff("officer"), f"/results/{held.sitting_ref}/likeness"
    (link,) = re.findall(rf'href="({base}/[^"/]+/[^"/]+)"', client.get(base).text)
    whom = link.split("/")[-2]
    facts = "与另一名考生同错多题"
    assert "还没有选择对谁立案" in client.post(link, data={"code": "copying", "facts": facts}).text
    assert "不能按这一情形立案" in client.post(link, data={"whom": whom, "code": "x", "facts": facts}).text
    opened = client.post(link, data={"whom": whom, "code": "copying", "facts": facts})
    assert opened.headers["Location"].endswith(f"/results/rulings/{whom}")
    with world.app.app_context(), reading() as session:
        registration = session.scalars(select(Registration).where(Registration.ref == whom)).one()
        report = session.scalars(
            select(IncidentReport).where(IncidentReport.registration_id == registration.id)
        ).one()
        assert (registration.violation_code, report.facts, report.evidence) == (
            "copying",
            facts,
            "system_log",
        )
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "likeness.case")).one()
        assert json.loads(entry.after)["report"] == report.ref
    again = client.post(link, data={"whom": whom, "code": "copying", "facts": facts})
    assert again.status_code == 409
    assert "已有同一情形的违纪登记" in again.text
    ruling = {"verdict": "stands", "told_on": world.clock.now().date().isoformat(), "grounds": "证据充分"}
    refused = client.post(f"/results/rulings/{whom}", data=ruling)
    assert refused.status_code == 403
    assert world.staff("chief_proctor").post(f"/results/rulings/{whom}", data=ruling).status_code == 303


@pytest.mark.once
def test_few_people_are_not_compared_and_honest_ones_are_not_shown(world: World) -> None:
    few = hold(world, 9, answer=Planted(1))
    assert "不作比较" in world.staff("officer").get(f"/results/{few.sitting_ref}/likeness").text
    honest = hold(world, 40, first=100)
    paper, _order = compared(world, honest)
    assert (paper.found, paper.pairs) == (0, [])


@pytest.mark.once
@pytest.mark.parametrize(
    ("role", "reads", "opens"),
    [
        ("officer", True, True),
        ("chief_proctor", True, True),
        ("inspector", True, False),
        ("proctor", False, False),
        ("author", False, False),
    ],
)
def test_who_sees_pairs_and_who_opens_cases(world: World, role: str, reads: bool, opens: bool) -> None:
    held = hold(world, 12)
    client, base = world.staff(role), f"/results/{held.sitting_ref}/likeness"
    assert client.get(base).status_code == (200 if reads else 403)
    for answer in (client.post(f"{base}/a/b", data={"code": "copying"}), client.post(f"{base}/a/b/paper")):
        assert (answer.status_code == 403) != opens
    assert client.get(f"{base}/a/b").status_code == (404 if reads else 403)
