"""The content of a paper as a candidate's browser gets it: sections, units, timing and items as JSON, and packed.

The items of a form lie packed: bytes of a gzip stream, made beforehand and found at a start. What is said around
them differs from start to start and is short: it is sent as it is, in blocks of the stream that are not packed;
packing it would cost as much as all else of a reply. The piece is put in between: packed bytes that end with a
full flush need nothing of what comes before or after them. Only the check of the whole stream has to be worked
out, which the length and the check of a piece are enough for.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

import flask_babel
from sqlalchemy import delete, exists, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from cbt.bank.store import contents
from cbt.errors import NotFound
from cbt.http.auth.rate_limit import insert
from cbt.items.markup import sanitised
from cbt.releases import product_version
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.exam import Paper, offered
from cbt.rules.items.case import Case
from cbt.rules.items.content import ItemContent
from cbt.rules.states import SittingState, State
from cbt.runner.attempt_states import OVER
from cbt.runner.models import Attempt, PackedPaper
from cbt.runner.paper.layout import Position, positions_of
from cbt.runner.save.attempt_row import AttemptInfo, FrozenForm, PaperKey
from cbt.sittings.models import SittingRoom
from cbt.storage.engine import Dialect
from cbt.storage.unit_of_work import raw_reading, reading

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


def head(
    title: str,
    paper: Paper,
    positions: Sequence[Position],
    tools: Sequence[str],
    *,
    state: str,
    open_unit: int | None,
) -> dict[str, Any]:
    """Return what a page is told of a paper beside its items; `tools` are the candidate's own."""
    return {
        "title": title,
        "calculator": paper.calculator,
        "tools": offered(paper.tools, tools),
        "keys": True,
        "lock_down": paper.lock_down,
        "timing": timing_of(paper),
        "unused_time": paper.clock.unused_time if paper.windows else None,
        "sections": sections(positions, paper),
        "units": units(positions, paper, state, open_unit),
    }


def timing_of(paper: Paper) -> str:
    """Return how a paper is timed: by strict windows, its units out of one pool, or as a whole."""
    if paper.windows:
        return "strict"
    return "pooled" if paper.units else "none"


def sections(positions: Sequence[Position], paper: Paper) -> list[dict[str, Any]]:
    """Return the sections in order, with their first and last positions."""
    ends = _ends((one.section, one.position) for one in positions if one.section is not None)
    return [
        {
            "name": section.name,
            "type": section.type.value,
            "first": ends[index][0],
            "last": ends[index][1],
            "points_each": str(section.points_each),
        }
        for index, section in enumerate(paper.sections)
    ]


def units(
    positions: Sequence[Position], paper: Paper, state: str, open_unit: int | None
) -> list[dict[str, Any]]:
    """Return the units in order; a paper whose sections carry their own minutes shows them as units too."""
    parts: Sequence[Any] = paper.units or (paper.sections if paper.windows else ())
    if not parts:
        return []
    by_unit = bool(paper.units)
    ends = _ends(((one.unit or 0) if by_unit else (one.section or 0) + 1, one.position) for one in positions)
    return [
        {
            "number": number,
            "name": part.name,
            "minutes": int(part.minutes.total_seconds() // 60),
            "points": str(part.points),
            "state": _unit_state(number, paper, state, open_unit),
            "first": ends[number][0],
            "last": ends[number][1],
        }
        for number, part in enumerate(parts, 1)
    ]


def _ends(places: Iterable[tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """Return the first and the last position of each group; positions come in order."""
    ends: dict[int, tuple[int, int]] = {}
    for group, position in places:
        ends[group] = (ends[group][0] if group in ends else position, position)
    return ends


def _unit_state(number: int, paper: Paper, state: str, open_unit: int | None) -> str:
    if not paper.windows:
        return "open"
    if state == State.UNITS_DONE or open_unit is None or number < open_unit:
        return "past"
    return "open" if number == open_unit else "locked"


# The paper as a candidate's browser gets it: joined from sanitised fragments, no template per item.
#
# No answer key, explanation, difficulty or unopened unit leaves here, on any path: only what
# `bank.items.rich` cleared is read, in the displayed order, and units that are not open are left out. The
# fragments are kept as JSON text per item version, which never changes, so a paper is a few string joins; and
# most are joined and packed before anybody starts (see packed.py).

CACHED_ITEMS, CACHED_HEADS = 50_000, 2000
SHOWN = (State.INTERACTING, State.UNITS_DONE)
_ItemKey = tuple[int, str, int]
_HeadKey = tuple[PaperKey, str, str, int | None, tuple[str, ...]]
"""A paper, its layout, the state of the attempt and its open unit, and the candidate's own tools."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What may be shown of one question, as JSON texts in authored order."""

    head: str
    lists: Sequence[tuple[str, str, Sequence[str]]]
    """Each list that is shown in an order: how it begins, the order's name at a position, its texts."""
    tail: str
    """What has no order of its own, such as the blanks and their word bank."""
    verdicts: bool
    """Whether the choices are the words for right and wrong."""


@dataclass(frozen=True, slots=True)
class _Fragments:
    """One item version: its parts by index (None: the item itself), and of a case what all of them share."""

    parts: Mapping[int | None, _Part]
    case: str | None


class PaperWriter:
    """Writes papers as JSON; keeps the fragments of the item versions this process has seen."""

    def __init__(self, context: Callable[[], Any], engine: Engine) -> None:
        """`context` opens the app's context, for reading and translating what is not known yet."""
        self._context = context
        self._packed = PackedReader(engine)
        self._known: dict[_ItemKey, _Fragments] = {}
        self._verdicts: dict[str, list[str]] = {}
        self._heads: dict[_HeadKey, str] = {}

    def text(
        self, info: AttemptInfo, form: FrozenForm, *, state: str, open_unit: int | None, locale: str
    ) -> str:
        """Return the part of the paper that this candidate may see now."""
        before, piece = self.parts(info, form, state=state, open_unit=open_unit, locale=locale)
        return f"{before}{piece.text()}}}"

    def parts(
        self, info: AttemptInfo, form: FrozenForm, *, state: str, open_unit: int | None, locale: str
    ) -> tuple[str, PackedPiece]:
        """Return the same but for its last brace: how it begins, and its items, packed."""
        before = self.head_at_hand(info, form, state=state, open_unit=open_unit)
        if before is None:
            if len(self._heads) > CACHED_HEADS:
                self._heads.clear()
            positions = self._read(form)[1]
            rest = head(info.title, info.paper, positions, form.tools, state=state, open_unit=open_unit)
            before = f"{canonical_json(rest)[:-1]},"
            self._heads[info.paper_key, form.layout, state, open_unit, tuple(form.tools)] = before
        if state not in SHOWN:
            return before, PackedPiece.of('"items":[],"cases":[]')
        part = open_unit or 0
        piece = self._packed.find(form.form_id, part, locale, mark=self.mark(locale))
        return before, piece or self.piece(info, form, part=part, locale=locale)

    def head_at_hand(
        self, info: AttemptInfo, form: FrozenForm, *, state: str, open_unit: int | None
    ) -> str | None:
        """Return how `parts` begins, where this process has written it before."""
        return self._heads.get((info.paper_key, form.layout, state, open_unit, tuple(form.tools)))

    def lying_there(self, keys: Iterable[PieceKey]) -> dict[PieceKey, PackedPiece]:
        """Return the pieces that need not be joined any more, read together."""
        by_locale: dict[str, list[PieceKey]] = defaultdict(list)
        for key in keys:
            by_locale[key[2]].append(key)
        pieces: dict[PieceKey, PackedPiece] = {}
        for locale, some in by_locale.items():
            pieces |= self._packed.find_all(some, mark=self.mark(locale))
        return pieces

    def piece(self, info: AttemptInfo, form: FrozenForm, *, part: int, locale: str) -> PackedPiece:
        """Join and pack the items that are shown while the unit `part` is open (0: the paper has one time)."""
        bank_id, positions = self._read(form)
        visible = [one for one, window in zip(positions, info.units, strict=True) if window in (0, part)]
        own_fragments = self._fragments(bank_id, visible)
        verdicts = self._verdicts_in(locale)
        items = [
            _item(one, fragments.parts[one.part], verdicts)
            for one, fragments in zip(visible, own_fragments, strict=True)
        ]
        cases = {
            (one.unit, one.item): f'{{"unit":{canonical_json(one.unit)},{fragments.case}}}'
            for one, fragments in zip(visible, own_fragments, strict=True)
            if fragments.case is not None
        }
        return PackedPiece.of(f'"items":[{",".join(items)}],"cases":[{",".join(cases.values())}]')

    def mark(self, locale: str) -> str:
        return mark_of(self._verdicts_in(locale))

    def _read(self, form: FrozenForm) -> tuple[int, Sequence[Position]]:
        bank_id, content = self._packed.form(form.form_id)
        return bank_id, positions_of(content)

    def _fragments(self, bank_id: int, positions: Sequence[Position]) -> list[_Fragments]:
        keys = [(bank_id, one.item, one.version) for one in positions]
        missing = {key[1:] for key in keys if key not in self._known}
        if missing:
            with self._context(), reading() as session:
                read = contents(session, missing, bank_id)
            if len(self._known) + len(read) > CACHED_ITEMS:
                self._known = {key: self._known[key] for key in keys if key in self._known}
            for key, content in read.items():
                self._known[(bank_id, *key)] = _cut(content)
        fragments = self._known
        return [fragments[key] for key in keys]

    def _verdicts_in(self, locale: str) -> list[str]:
        verdicts = self._verdicts.get(locale)
        if verdicts is None:
            with self._context(), flask_babel.force_locale(locale):
                words = [flask_babel.gettext(f"attempts.{word}") for word in ("true", "false")]
            verdicts = self._verdicts[locale] = [canonical_json(word) for word in words]
        return verdicts


def item_text(content: ItemContent, position: Position, verdicts: tuple[str, str]) -> str:
    words = [canonical_json(word) for word in verdicts]
    return _item(position, _part(content, sanitised(content)), words)


def _cut(content: ItemContent) -> _Fragments:
    clean: dict[str, Any] = sanitised(content)
    if not isinstance(content, Case):
        return _Fragments({None: _part(content, clean)}, None)
    case = canonical_json({"title": clean["title"], "stimulus": clean["stimulus"]})[1:-1]
    parts: dict[int | None, _Part] = {
        index: _part(part.content, clean["parts"][index]) for index, part in enumerate(content.parts)
    }
    return _Fragments(parts, case)


def _part(content: ItemContent, clean: Mapping[str, Any]) -> _Part:
    return _Part(
        head=f'"type":"{content.type.value}","stem":{canonical_json(clean["stem"])}',
        lists=[
            (f',"{name}":[', order, [canonical_json(text) for text in clean[name]])
            for name, order in content.ordered.items()
        ],
        tail="".join(f',"{name}":{canonical_json(clean[name] or None)}' for name in content.sent),
        verdicts=content.verdicts,
    )


def _item(position: Position, part: _Part, verdicts: Sequence[str]) -> str:
    unit, section = position.unit, position.section
    shown = f',"choices":[{",".join(verdicts)}]' if part.verdicts else part.tail
    for name, order, texts in part.lists:
        shown += f"{name}{_shown(texts, getattr(position, order))}]"
    return (
        f'{{"position":{position.position},"points":"{position.points}",'
        f'"section":{"null" if section is None else section},"unit":{"null" if unit is None else unit},'
        f"{part.head}{shown}}}"
    )


def _shown(texts: Sequence[str], order: Sequence[int]) -> str:
    return ",".join([texts[place] for place in order])
