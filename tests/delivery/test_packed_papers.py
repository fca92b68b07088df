"""Papers packed while the doors are open are the papers that would be joined, and nothing depends on them."""

from __future__ import annotations

import gzip
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Attempt, PackedPaper
from cbt.runner.paper.content import PackedPiece, PackedReader
from cbt.runner.save.journal import current_journal
from cbt.runner.start.handler import current_openings, forget_papers, pack_papers
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.delivery.starts import expected_paper
from tests.world import PLANNED, World

NAMES = ("theory", "second", "skills", "factor")


@pytest.fixture
def packed(world: World) -> World:
    """The doors are open and every paper lies there packed."""
    world.admit_all()
    with world.app.app_context():
        assert pack_papers(now=world.clock.now()) >= len(NAMES)
        assert pack_papers(now=world.clock.now()) == 0
    return world


def lying() -> dict[tuple[int, int], bytes]:
    """Return what lies there, by form and unit."""
    with reading() as session:
        return {(row.form_id, row.part): row.packed for row in session.scalars(select(PackedPaper))}


def start(page: Page, *, encoding: str = "gzip") -> TestResponse:
    return page.client.post(f"/attempts/{page.ref}/start", json={}, headers={"Accept-Encoding": encoding})


def paper_in(reply: TestResponse) -> dict[str, Any]:
    """Return the paper of a start."""
    assert reply.status_code == 200
    data = gzip.decompress(reply.data) if reply.headers.get("Content-Encoding") == "gzip" else reply.data
    found: dict[str, Any] = json.loads(data)["paper"]
    return found


def test_each_piece_is_what_is_joined_of_the_form(packed: World) -> None:
    with packed.app.app_context():
        found = lying()
        infos, papers = current_journal().infos, current_openings().papers
        with reading() as session:
            refs = list(session.scalars(select(Attempt.ref)))
        expected = {}
        for ref in refs:
            info, form = infos.read(ref)
            for part in set(info.units):
                piece = papers.piece(info, form, part=part, locale="zh")
                expected[form.form_id, part] = piece.stored()
        assert found == expected
        texts = [PackedPiece.read(one).text() for one in found.values()]
    assert {part for _, part in found} > {0, 1}, "papers of one time and papers of units"
    assert not any('"answer"' in one or '"answer_key"' in one for one in texts)


@pytest.mark.parametrize("name", NAMES)
def test_a_start_brings_the_same_packed_and_not(packed: World, name: str) -> None:
    packed.start()
    page = Page(packed, name)
    first = paper_in(start(page))
    plain = paper_in(start(page, encoding="identity"))
    assert first == plain == expected_paper(packed, name)


def test_no_form_is_read_for_what_lies_there(packed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    packed.start()
    page = Page(packed, "theory")
    first = paper_in(start(page))  # what a page is told beside its items is kept by layout

    def refuse(*_: object) -> None:
        pytest.fail("a form was read")

    monkeypatch.setattr(PackedReader, "form", refuse)
    assert paper_in(start(page)) == first


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        pytest.param("DELETE FROM packed_paper", False, id="the job has not come round yet"),
        pytest.param("UPDATE packed_paper SET mark = 'of another version'", False, id="another version"),
        pytest.param(
            "UPDATE packed_paper SET packed = (SELECT packed FROM packed_paper ORDER BY form_id DESC LIMIT 1)",
            True,
            id="another",
        ),
        pytest.param("UPDATE packed_paper SET seal = ''", True, id="no seal"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_joined(
    packed: World, harm: str, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    packed.start()
    with packed.app.app_context(), unit_of_work() as session:
        session.execute(text(harm))
    with caplog.at_level(logging.ERROR):
        replies = [paper_in(start(Page(packed, name))) for name in ("theory", "second")]
    assert replies == [expected_paper(packed, name) for name in ("theory", "second")]
    assert ("not what was kept" in caplog.text) is told


def test_those_of_another_version_are_packed_again(packed: World) -> None:
    with packed.app.app_context():
        before = lying()
        with unit_of_work() as session:
            session.execute(text("UPDATE packed_paper SET mark = ''"))
        assert pack_papers(now=packed.clock.now()) > 0
        assert lying() == before
        with reading() as session:
            assert "" not in set(session.scalars(select(PackedPaper.mark)))


def test_words_of_ours_are_in_the_language_of_the_page(packed: World) -> None:
    packed.start()
    page = Page(packed, "theory")
    page.client.set_cookie("locale", "en")
    assert paper_in(start(page)) == expected_paper(packed, "theory", "en")


def test_nothing_is_packed_before_the_doors_open(world: World) -> None:
    with world.app.app_context():
        assert pack_papers(now=world.clock.now()) == 0


def test_one_that_cannot_be_joined_keeps_no_other_from_being_packed(world: World) -> None:
    world.admit_all()
    with world.app.app_context():
        with unit_of_work() as session:
            broken = session.get_one(Attempt, world.sitters["theory"].attempt_id).form_id
            session.execute(text("UPDATE form SET content = '{}' WHERE id = :id"), {"id": broken})
        assert pack_papers(now=world.clock.now()) >= len(NAMES) - 1
        assert broken not in {form_id for form_id, _ in lying()}


def test_they_go_when_nobody_has_them_before_them_any_more(packed: World) -> None:
    packed.start()
    assert Page(packed, "theory").start().status_code == 200
    with packed.app.app_context():
        assert forget_papers(now=packed.clock.now()) == 0
        packed.clock.set(PLANNED + timedelta(hours=3))
        assert expire_overdue(now=packed.clock.now()) == 1
        with reading() as session:
            form_id = session.get_one(Attempt, packed.sitters["theory"].attempt_id).form_id
        assert any(one == form_id for one, _ in lying())
        assert forget_papers(now=packed.clock.now()) == 1
        assert not any(one == form_id for one, _ in lying())
        assert lying(), "the others are not over"
