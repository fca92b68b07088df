"""Pictures and sounds as they are stored: once for each content, found by name, never changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.errors import InvalidInput, NotFound
from cbt.items.media import ENDINGS, NAME_LENGTH, NewMedium, digest_of
from cbt.items.models import Media
from cbt.media.intake import copy, redraw_large, redraw_several, size_of

MOST_CACHED = 32 * 1024 * 1024
"""Bytes that one process keeps at hand: a room asks for the same few at one instant."""
_SOUNDS = (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa", b"OggS", b"RIFF")


def take_in(body: bytes) -> NewMedium:
    """Return what an author sent as a picture or a sound of our own; this starts a child and waits for it.

    Raise InvalidInput as `pictures.redraw_large` and `sounds.copy` do.
    """
    if body.startswith(_SOUNDS):
        return _sound(body)
    return _picture(body, redraw_large(body))


def take_in_all(bodies: Sequence[bytes]) -> list[NewMedium | None]:
    """Return what one file held as pictures and sounds of our own, None for what is neither."""
    drawn = iter(redraw_several([body for body in bodies if not body.startswith(_SOUNDS)]))
    return [_heard(body) if body.startswith(_SOUNDS) else _seen(body, next(drawn)) for body in bodies]


def _sound(body: bytes) -> NewMedium:
    sound = copy(body)
    return NewMedium(sound.mimetype, sound.body, seconds=sound.seconds)


def _heard(body: bytes) -> NewMedium | None:
    try:
        return _sound(body)
    except InvalidInput:
        return None


def _seen(body: bytes, drawn: bytes | None) -> NewMedium | None:
    return _picture(body, drawn) if drawn is not None else None


def _picture(body: bytes, drawn: bytes) -> NewMedium:
    width, height = size_of(drawn)
    mimetype = "image/png" if drawn.startswith(b"\x89PNG") else "image/jpeg"
    return NewMedium(mimetype, drawn, width, height, came=digest_of(body))


def store(session: Session, medium: NewMedium, *, now: datetime, actor: str) -> str:
    """Keep what was taken in, unless it is there, and return its name."""
    key = medium.name[:NAME_LENGTH]
    if session.scalar(select(Media.id).where(Media.name == key)) is None:
        session.add(
            Media(
                name=key,
                mimetype=medium.mimetype,
                body=medium.body,
                width=medium.width,
                height=medium.height,
                seconds=medium.seconds,
                actor=actor,
                at=now,
            )
        )
        session.flush()
    return medium.name


def held(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Return which of some names pictures are kept under, and their kinds."""
    rows = session.execute(select(Media.name, Media.mimetype).where(Media.name.in_(set(names))))
    return {name: kind for name, kind in rows if kind not in ENDINGS}


def missing(session: Session, names: Iterable[str]) -> set[str]:
    wanted = set(names)
    keys = [name[:NAME_LENGTH] for name in wanted]
    there = session.execute(select(Media.name, Media.mimetype).where(Media.name.in_(keys)))
    return wanted - {name + ENDINGS.get(kind, "") for name, kind in there}


class _Shelf:
    """What one process has at hand of one database; what has not been asked for longest goes first."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._size = 0

    def get(self, key: str) -> tuple[str, bytes] | None:
        medium = self._held.get(key)
        if medium is not None:
            self._held[key] = medium
        return medium

    def put(self, key: str, medium: tuple[str, bytes]) -> None:
        if key in self._held:
            return
        self._held[key] = medium
        self._size += len(medium[1])
        while self._size > MOST_CACHED:
            _key, (_kind, body) = self._held.popitem(last=False)
            self._size -= len(body)


# By the dialect object, which every engine facade of one database shares and no other database has.
_shelves: WeakKeyDictionary[Any, _Shelf] = WeakKeyDictionary()


def sent(session: Session, name: str) -> tuple[str, bytes]:
    """Return kind and bytes of what is called so; raise NotFound("media.unknown")."""
    shelf = _shelves.setdefault(session.get_bind().dialect, _Shelf())
    medium = shelf.get(name)
    if medium is None:
        row = session.execute(
            select(Media.mimetype, Media.body).where(Media.name == name[:NAME_LENGTH])
        ).one_or_none()
        if row is None or ENDINGS.get(row[0], "") != name[NAME_LENGTH:]:
            raise NotFound("media.unknown")
        medium = (row[0], bytes(row[1]))
        shelf.put(name, medium)
    return medium
