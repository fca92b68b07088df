"""Packed papers: the items of a form as bytes of a gzip stream, made beforehand and found at a start.

What is said around them differs from start to start and is short: it is sent as it is, in blocks of the
stream that are not packed; packing it would cost as much as all else of a reply. The piece is put in between:
packed bytes that end with a full flush need nothing of what comes before or after them. Only the check of the
whole stream has to be worked out, which the length and the check of a piece are enough for.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from sqlalchemy import delete, exists, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from cbt.errors import NotFound
from cbt.http.auth.rate_limit import insert
from cbt.releases import product_version
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states import SittingState, State
from cbt.runner.attempt_states import OVER
from cbt.runner.models import Attempt, PackedPaper
from cbt.runner.save.attempt_row import Dialect
from cbt.sittings.models import SittingRoom
from cbt.storage.unit_of_work import raw_reading

log = logging.getLogger(__name__)


RAW = -15
"""What zlib calls packed bytes without head and check."""
EFFORT = 6
"""A tenth fewer bytes than by 3: most papers are packed before anybody waits for them."""
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_POLYNOMIAL, _TOP, _ONE_BIT_ON = 0xEDB88320, 1 << 31, 1 << 30
_LONGEST_BLOCK = 0xFFFF
_facts = struct.Struct(">III")
_block = struct.Struct("<BHH")
"""The head of a block that is not packed: whether it is the last, its length, and that in ones' complement."""


@dataclass(frozen=True, slots=True)
class PackedPiece:
    """Packed bytes with what they are unpacked: how long, their CRC, and what moves a CRC by that length."""

    size: int
    crc: int
    shift: int
    packed: bytes

    @classmethod
    def of(cls, text: str) -> PackedPiece:
        plain, packing = text.encode(), zlib.compressobj(EFFORT, zlib.DEFLATED, RAW)
        packed = packing.compress(plain) + packing.flush(zlib.Z_FULL_FLUSH)
        return cls(len(plain), zlib.crc32(plain), _shift(len(plain)), packed)

    @classmethod
    def read(cls, stored: bytes) -> PackedPiece:
        size, crc, shift = _facts.unpack_from(stored)
        return cls(size, crc, shift, stored[_facts.size :])

    def stored(self) -> bytes:
        return _facts.pack(self.size, self.crc, self.shift) + self.packed

    def text(self) -> str:
        return zlib.decompressobj(RAW).decompress(self.packed).decode()


def joined(before: bytes, piece: PackedPiece, after: bytes) -> bytes:
    """Return the gzip of `before`, the text of `piece` and `after`, one behind the other."""
    crc = zlib.crc32(after, _times(piece.shift, zlib.crc32(before)) ^ piece.crc)
    size = len(before) + piece.size + len(after)
    blocks = [*_unpacked(before), piece.packed, *_unpacked(after, ends=True)]
    return b"".join([_HEAD, *blocks, struct.pack("<II", crc, size & 0xFFFFFFFF)])


def _unpacked(plain: bytes, *, ends: bool = False) -> list[bytes]:
    """Return bytes in blocks that hold them as they are; `ends` says that the stream ends with the last one."""
    blocks: list[bytes] = []
    for begin in range(0, len(plain), _LONGEST_BLOCK) or (0,):
        part = plain[begin : begin + _LONGEST_BLOCK]
        last = ends and begin + _LONGEST_BLOCK >= len(plain)
        blocks += _block.pack(last, len(part), len(part) ^ _LONGEST_BLOCK), part
    return blocks


@lru_cache(maxsize=64)
def _shift(size: int) -> int:
    """Return what multiplies the CRC of a text when `size` bytes follow it: x to the power of their bits."""
    power, product = _ONE_BIT_ON, _TOP
    for _ in range(3):  # bytes, not bits
        power = _times(power, power)
    while size:
        if size & 1:
            product = _times(power, product)
        power = _times(power, power)
        size >>= 1
    return product


def _times(first: int, other: int) -> int:
    """Multiply two polynomials modulo that of CRC-32, lowest powers first as zlib has them."""
    product = 0
    while first:
        if first & _TOP:
            product ^= other
        first = (first << 1) & 0xFFFFFFFF
        other = (other >> 1) ^ _POLYNOMIAL if other & 1 else other >> 1
    return product


# The papers that lie there packed: found when a paper is started, put down while the doors are open.
#
# Nothing depends on them: what is missing, joined by another version or not as it was kept is joined when it
# is asked for. They go when nobody has the form before them any more.
#
# Source.

FORMAT = 1
"""Counts how a piece is joined, for what changes within a version."""
PieceKey = tuple[int, int, str]
"""A form, the unit that is open in it, and the language of the words that are ours."""


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
        pieces: dict[PieceKey, PackedPiece] = {}
        with raw_reading(self._engine) as cursor:
            for (part, locale), form_ids in forms.items():
                among, values = self._dialect.among(form_ids)
                cursor.execute(f"{self._pieces} {among}", (part, locale, mark, *values))
                for form_id, seal, stored in cursor.fetchall():
                    key, packed = (form_id, part, locale), bytes(stored)
                    if seal == _seal(key, mark, packed):
                        pieces[key] = PackedPiece.read(packed)
                    else:
                        log.error("the packed paper of form %d is not what was kept; it is joined", form_id)
        return pieces

    def form(self, form_id: int) -> tuple[int, str]:
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
    session.execute(delete(PackedPaper).where(PackedPaper.form_id.in_(form_ids)))


def _seal(key: PieceKey, mark: str, packed: bytes) -> str:
    return sha256(canonical_json([*key, mark]).encode() + packed).hexdigest()
