"""Gives a sitter of the world a paper of these types: the bank is imported and the form drawn as any other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import flask
from sqlalchemy import delete, select

from cbt.bank.service import import_bank
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import Registration
from cbt.runner.models import Attempt
from cbt.runner.paper.draw import draw_for_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.world import World

HERE = Path(__file__).parent
BANK = "kinds"


def give_paper(app: flask.Flask, world: World, *names: str, now: datetime) -> World:
    """Import the bank and draw its paper for some sitters, in the place of the one they had.

    Return the world in which they have it; the one that other tests share stays as it is.
    """
    sitters = dict(world.sitters)
    with app.app_context():
        import_bank(HERE / "bank", now=now, actor="cli", bank_ref=BANK)
        with unit_of_work() as session:
            text = (HERE / "blueprint.toml").read_text("utf-8")
            version = store_blueprint(session, text, now=now, actor="cli")
            for name in names:
                row = session.get_one(Registration, world.sitters[name].registration_id)
                row.blueprint_version_id, row.blueprint_ref, row.paper = version.id, "kinds", "theory"
                session.execute(delete(Attempt).where(Attempt.registration_id == row.id))
        draw_for_sitting(world.sitting_ref, now=now, actor="staff:test", seed=7)
        with reading() as session:
            for name in names:
                sitter = sitters[name]
                attempt = session.scalars(
                    select(Attempt).where(Attempt.registration_id == sitter.registration_id)
                ).one()
                sitters[name] = replace(sitter, attempt_id=attempt.id, attempt_ref=attempt.ref)
    return replace(world, sitters=sitters)
