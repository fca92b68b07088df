"""A register of certificates of any length, written as rows."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import flask
from sqlalchemy import delete, insert, select

from cbt.candidates.models import Candidate
from cbt.certificates.look_up import KEY, stretch_of
from cbt.certificates.models import Certificate, LookUpKey
from cbt.storage.crypto import seal_bytes
from cbt.storage.unit_of_work import unit_of_work

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
_FIRST = 1_000_000
"""Above the ids of whoever is there already."""


def number_of(place: int) -> str:
    """Return the number of a certificate of the register."""
    return f"S000031000001263{place:06}"


def fill(app: flask.Flask, places: range) -> None:
    """Write certificates, each of somebody of their own, into the register."""
    people = [
        {
            "id": _FIRST + place, "ref": f"ca-{place}", "name": f"持证人{place}", "gender": "",
            "document_type": "resident_id", "document_sealed": b"", "document_index": f"{place}",
            "document_masked": "310***********0000", "employer": "", "created_at": NOW,
        }
        for place in places
    ]  # fmt: skip
    rows = [
        {
            "ref": f"ce-{place}", "number": number_of(place), "candidate_id": _FIRST + place, "blueprint_ref": "l3",
            "name": f"持证人{place}", "document_type": "resident_id", "document": "310***********0000",
            "occupation": "客户服务管理员", "level": "三级", "body_name": "示例协会", "issued_on": NOW.date(),
            "issued_at": NOW, "issued_by": "cli", "statement": bytes(180), "public_key": "00" * 32, "prints": 0,
            "revoked_by": "", "revoke_reason": "",
        }
        for place in places
    ]  # fmt: skip
    with app.app_context(), unit_of_work() as session:
        session.execute(insert(Candidate), people)
        session.execute(insert(Certificate), rows)


def give_keys() -> None:
    """Give every certificate the keys that a job stretches after its issue, invented here."""
    with unit_of_work() as session:
        stretch_of(session)
        session.execute(delete(LookUpKey))
        rows = [
            {
                "certificate_id": one,
                "by_number": seal_bytes(os.urandom(32), KEY),
                "by_document": seal_bytes(os.urandom(32), KEY),
            }
            for one in session.scalars(select(Certificate.id))
        ]
        session.execute(insert(LookUpKey), rows)
