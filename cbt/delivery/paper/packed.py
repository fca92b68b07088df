"""The papers that lie there packed: found when a paper is started, put down while the doors are open.

Nothing depends on them: what is missing, joined by another version or not as it was kept is joined when it is asked
for. They go when nobody has the form before them any more.

Source: R-43, R-44.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256

from sqlalchemy import delete, exists, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from cbt.db.unit_of_work import raw_reading
from cbt.delivery.models import Attempt, PackedPaper
from cbt.delivery.moving import OVER
from cbt.delivery.paper.pieces import PackedPiece
from cbt.delivery.save.guard import Dialect
from cbt.errors import NotFound
from cbt.releases import product_version
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states.attempt import State
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import SittingRoom
from cbt.web.who.counters import insert

FORMAT = 1
"""Counts how a piece is joined, for what changes within a version."""
PieceKey = tuple[int, int, str]
"""A form, the unit that is open in it, and the language of the words that are ours."""
log = logging.getLogger(__name__)


class PackedReader:
    """Finds pieces and forms by plain statements: everybody begins at the same moment."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dialect = Dialect(engine.dialect.name)
        sql = self._dialect.sql
        self._pieces = sql(
            "SELECT form_id, seal, packed FROM packed_paper WHERE part = ? AND locale = ? AND mark = ? AND form_id"
        )
        self._form = sql("SELECT bank_id, content FROM form WHERE id = ?")

    def find(self, form_id: int, part: int, locale: str, *, mark: str) -> PackedPiece | None:
        """Return the piece that lies there, joined by `mark`; None where there is none or it does not fit."""
        key = (form_id, part, locale)
        return self.find_all([key], mark=mark).get(key)

    def find_all(self, keys: Iterable[PieceKey], *, mark: str) -> dict[PieceKey, PackedPiece]:
        """Return the pieces that lie there, joined by `mark`, and fit; read together."""
        forms: dict[tuple[int, str], list[int]] = defaultdict(list)
        for form_id, part, locale in keys:
            forms[part, locale].append(form_id)
        found: dict[PieceKey, PackedPiece] = {}
        with raw_reading(self._engine) as cursor:
            for (part, locale), form_ids in forms.items():
                among, values = self._dialect.among(form_ids)
                cursor.execute(f"{self._pieces} {among}", (part, locale, mark, *values))
                for form_id, seal, stored in cursor.fetchall():
                    key, packed = (form_id, part, locale), bytes(stored)
                    if seal == _seal(key, mark, packed):
                        found[key] = PackedPiece.read(packed)
                    else:
                        log.error("the packed paper of form %d is not what was kept; it is joined", form_id)
        return found

    def form(self, form_id: int) -> tuple[int, str]:
        """Return the bank and the content of a form."""
        with raw_reading(self._engine) as cursor:
            cursor.execute(self._form, (form_id,))
            row = cursor.fetchone()
        if row is None:
            raise NotFound("attempt.unknown")
        return row[0], row[1]


def mark_of(words: Sequence[str]) -> str:
    """Return what a piece is joined by: this version, and the words it puts in."""
    return _mark(tuple(words))


@lru_cache(maxsize=8)
def _mark(words: tuple[str, ...]) -> str:
    return digest(canonical_json([FORMAT, product_version(), words]))


def unpacked(session: Session, *, locale: str, mark: str, after: int, most: int) -> dict[int, str]:
    """Return id and ref of attempts behind `after` whose doors are open and whose papers are not packed yet."""
    lies_there = exists().where(
        PackedPaper.form_id == Attempt.form_id, PackedPaper.locale == locale, PackedPaper.mark == mark
    )
    rows = session.execute(
        select(Attempt.id, Attempt.ref)
        .join(SittingRoom, SittingRoom.id == Attempt.sitting_room_id)
        .where(
            SittingRoom.state == SittingState.ADMITTING.value,
            Attempt.state == State.READY.value,
            Attempt.id > after,
            ~lies_there,
        )
        .order_by(Attempt.id)
        .limit(most)
    )
    return dict(rows.all())


def put_down(session: Session, pieces: Mapping[PieceKey, PackedPiece], *, mark: str) -> None:
    """Keep pieces, in the place of those of another version."""
    rows = []
    for key, piece in sorted(pieces.items()):
        form_id, part, locale = key
        packed = piece.stored()
        values = {"form_id": form_id, "part": part, "locale": locale}
        rows.append({**values, "mark": mark, "seal": _seal(key, mark, packed), "packed": packed})
    statement = insert(session)(PackedPaper)
    fresh = {name: statement.excluded[name] for name in ("mark", "seal", "packed")}
    keys = ["form_id", "part", "locale"]
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=fresh), rows)


def unused(session: Session, *, most: int) -> list[int]:
    """Return forms that lie there packed and that nobody has before them any more."""
    in_use = exists().where(Attempt.form_id == PackedPaper.form_id, Attempt.state.not_in(OVER))
    return list(session.scalars(select(PackedPaper.form_id).where(~in_use).distinct().limit(most)))


def let_go(session: Session, form_ids: Collection[int]) -> None:
    """Delete what lies there of forms."""
    session.execute(delete(PackedPaper).where(PackedPaper.form_id.in_(form_ids)))


def _seal(key: PieceKey, mark: str, packed: bytes) -> str:
    return sha256(canonical_json([*key, mark]).encode() + packed).hexdigest()
