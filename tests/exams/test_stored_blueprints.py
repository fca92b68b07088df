"""Blueprints in the database: every text kept, the last one current."""

from __future__ import annotations

import flask
import pytest
from sqlalchemy import select

from cbt.blueprints import store
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.versions import store_blueprint
from cbt.errors import InvalidInput, NotFound
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.exams.sources import ELECTRICIAN, minutes, shipped
from tests.helpers import FakeClock, count_queries


def test_the_same_text_is_stored_once(app: flask.Flask, clock: FakeClock) -> None:
    text = shipped("l3").read_text("utf-8")
    with app.app_context():
        for _ in range(2):
            with unit_of_work() as session:
                store_blueprint(session, text, now=clock.now(), actor="cli")
        with reading() as session:
            assert len(session.scalars(select(BlueprintVersion)).all()) == 1


def test_a_changed_text_becomes_current_and_the_former_stays(app: flask.Flask, clock: FakeClock) -> None:
    text = shipped("l3").read_text("utf-8")
    changed = text.replace("earliest = 30", "earliest = 20", 1)
    with app.app_context():
        ids = []
        for source in (text, changed):
            with unit_of_work() as session:
                ids.append(store_blueprint(session, source, now=clock.now(), actor="cli").id)
            clock.advance(minutes(1))
        with reading() as session:
            assert store.current_version(session, "customer-service-l3").id == ids[1]
            assert [row.id for row in store.current_versions(session)] == [ids[1]]
            former, current = (store.paper_of(session, one, "theory") for one in ids)
        assert (former.submit.earliest, current.submit.earliest) == (minutes(30), minutes(20))
        with unit_of_work() as session:
            store_blueprint(session, text, now=clock.now(), actor="cli")
        with reading() as session:
            assert store.current_version(session, "customer-service-l3").id == ids[0]


def test_a_stored_version_is_read_from_memory_the_second_time(app: flask.Flask, clock: FakeClock) -> None:
    with app.app_context():
        with unit_of_work() as session:
            version = store_blueprint(
                session, ELECTRICIAN.read_text("utf-8"), now=clock.now(), actor="cli"
            ).id
        with reading() as session:
            first = store.blueprint_of(session, version)
            with count_queries(app) as seen:
                assert store.blueprint_of(session, version) is first
            assert seen == []


def test_what_was_never_stored_is_not_found(app: flask.Flask, clock: FakeClock) -> None:
    with app.app_context():
        with unit_of_work() as session:
            version = store_blueprint(
                session, ELECTRICIAN.read_text("utf-8"), now=clock.now(), actor="cli"
            ).id
        with reading() as session:
            for ask in (
                lambda: store.blueprint_of(session, 99),
                lambda: store.current_version(session, "none"),
                lambda: store.paper_of(session, version, "none"),
            ):
                with pytest.raises(NotFound):
                    ask()


def test_a_refused_blueprint_leaves_nothing_behind(app: flask.Flask, clock: FakeClock) -> None:
    with app.app_context():
        with pytest.raises(InvalidInput), unit_of_work() as session:
            store_blueprint(session, "ref = 1", now=clock.now(), actor="cli")
        with reading() as session:
            assert session.scalars(select(BlueprintVersion)).all() == []
