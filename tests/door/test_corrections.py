"""更正记录: old, new and evidence, and the chief after the start."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.candidates.corrections import Correction, correct_candidate, corrections_of
from cbt.candidates.models import Candidate, CandidatePhoto, CorrectionRecord
from cbt.errors import CbtError
from cbt.storage.crypto import DOCUMENT, open_sealed
from tests.door.door import machine_at, pass_the_door, registration, sign_in, work
from tests.world import PLANNED, World

VALID = "11010519491231002X"


def correct(world: World, name: str = "theory", *, chief: str = "", **values: Any) -> str | None:
    try:
        with work(world) as session:
            person = session.get_one(Candidate, registration(session, world, name).candidate_id)
            correct_candidate(
                session,
                person,
                Correction(**({"evidence": "身份证原件"} | _named(values))),
                now=PLANNED,
                actor="staff:officer",
                countersigned_by=chief,
            )
    except CbtError as error:
        return error.code
    return None


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """`name` is whom it is about here, so the new name comes as `name_to`."""
    return {("name" if key == "name_to" else key): value for key, value in values.items()}


def test_a_correction_keeps_old_new_and_evidence(world: World) -> None:
    assert correct(world, name="theory", chief="") == "correction.nothing"
    assert correct(world, document=("resident_id", VALID)) is None
    with work(world) as session:
        person = session.get_one(Candidate, registration(session, world, "theory").candidate_id)
        assert open_sealed(person.document_sealed, DOCUMENT) == VALID
        kept = corrections_of(session, person.id)[0]
        assert kept.evidence == "身份证原件"
        assert kept.before == {"document": "resident_id 310*************1X"}
        assert kept.after == {"document": "resident_id 110*************2X"}
        line = session.scalars(select(AuditEntry).where(AuditEntry.act == "candidate.correct")).one()
        assert json.loads(line.before) == {"fields": ["document"]}
        assert json.loads(line.after).keys() == {"correction", "digest"}
        assert json.loads(line.after)["correction"] == kept.row.ref


def test_what_was_put_right_is_sealed_and_not_in_the_log(world: World) -> None:
    assert correct(world, name_to="王小明", evidence="王小明的户口簿") is None
    with work(world) as session:
        row = session.scalars(select(CorrectionRecord)).one()
        assert "王小明".encode() not in row.sealed
        lines = session.scalars(select(AuditEntry)).all()
        assert not [line.id for line in lines if "王小明" in "".join(line.fields)]


def test_the_corrected_number_signs_in(world: World) -> None:
    correct(world, document=("resident_id", VALID.lower()))
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    assert sign_in(world, client, "theory").status_code == 422
    assert sign_in(world, client, "theory", document="31002x").status_code == 303


def test_a_rare_name_is_kept_as_given(world: World) -> None:
    with work(world) as session:
        person = session.get_one(Candidate, registration(session, world, "theory").candidate_id)
        spelled = Correction("户口簿", name=" 䶮𬭎·艾 ")
        correct_candidate(session, person, spelled, now=PLANNED, actor="staff:officer")
        assert person.name == "䶮𬭎·艾"


def test_a_photo_is_added_and_replaced(world: World) -> None:
    for image in (b"one", b"two"):
        assert correct(world, photo=image) is None
    with work(world) as session:
        assert session.scalars(select(CandidatePhoto.image)).all() == [b"two"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"evidence": " "}, "correction.evidence", id="no evidence"),
        pytest.param({}, "correction.nothing", id="nothing to correct"),
        pytest.param({"document": ("paper", VALID)}, "admission.document_type", id="unknown document"),
        pytest.param(
            {"document": ("resident_id", VALID[:-1] + "1")}, "correction.number", id="wrong check digit"
        ),
        pytest.param({"document": ("passport", "E1")}, "correction.number", id="too short to sign in with"),
        pytest.param(
            {"document": ("passport", "31010119900101002X")}, "correction.number_taken", id="another's number"
        ),
        pytest.param({"photo": b"x", "evidence": "照片"}, None, id="photo alone"),
    ],
)
def test_a_correction_is_checked(world: World, values: dict[str, Any], expected: str | None) -> None:
    assert correct(world, **values) == expected


def test_after_the_start_the_chief_countersigns(world: World) -> None:
    world.start()
    assert correct(world, document=("passport", "E12345678")) == "correction.chief"
    assert correct(world, document=("passport", "E12345678"), chief="staff:chief") is None
