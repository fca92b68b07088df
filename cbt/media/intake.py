"""Intake of a picture, a zip of pictures or a sound that somebody sent: what comes back is made by us."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from cbt.confined.runner import MEGABYTE, Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.media.picture_copy import Drawn, Redrawn
from cbt.media.sound_copy import Copied

JPEG = "image/jpeg"
MOST_PICTURE_BYTES = MEGABYTE
MOST_LARGE = 10 * MEGABYTE
MOST_FILES = 3000
MOST_UNPACKED = 200 * MEGABYTE
MOST_RATIO = 100
ONE = Limits(cpu=10, wall=20, answer=MEGABYTE)
LARGE = Limits(cpu=10, wall=20, answer=16 * MEGABYTE)
SEVERAL = Limits(cpu=60, wall=90, answer=64 * MEGABYTE)
AT_ONCE, BYTES_AT_ONCE = 40, 16 * MEGABYTE
"""Pictures of one file that a child draws, and how large they are together."""
MOST_PIXELS = 600_000_000
"""Pixels of all pictures of one file."""
MOST_ENDED = 3
"""Pictures of one file that may end their child."""
MANY = Limits(cpu=90, wall=120, answer=128 * MEGABYTE)
_TASKS = "cbt.media.picture_copy"
_FRAMES = (0xC0, 0xC1, 0xC2)


def redraw(body: bytes) -> bytes:
    """Return a JPEG or PNG as a JPEG of our own: upright, sRGB, at most 960 pixels and 300 KB, without a word of
    what else was in the file.

    Raise InvalidInput("photo.kind") by what it is, not by what it is called, ("photo.too_big") over 1 MiB,
    ("photo.pixels"), ("photo.damaged"), and as `confined.run` does.
    """
    if len(body) > MOST_PICTURE_BYTES:
        raise InvalidInput("photo.too_big", field="photo", maximum=MOST_PICTURE_BYTES // 1024)
    try:
        return run(f"{_TASKS}:one", body, limits=ONE)
    except InvalidInput as error:
        raise InvalidInput(error.code, field="photo") from error
    except Exhausted as error:
        raise InvalidInput("photo.pixels", field="photo") from error


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Return width and height of a picture of our own: they stand in a JPEG's frame header, a PNG's first chunk."""
    if not jpeg.startswith(b"\xff\xd8"):
        return int.from_bytes(jpeg[16:20]), int.from_bytes(jpeg[20:24])
    place = 2
    while jpeg[place + 1] not in _FRAMES:
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4])
    height, width = jpeg[place + 5 : place + 7], jpeg[place + 7 : place + 9]
    return int.from_bytes(width), int.from_bytes(height)


def redraw_large(body: bytes) -> bytes:
    """Return a picture of an item: as `redraw`, but up to 1600 pixels, of up to 10 MiB; of few colours, a PNG."""
    if len(body) > MOST_LARGE:
        raise InvalidInput("photo.too_big", field="file", maximum=MOST_LARGE // 1024)
    try:
        return run(f"{_TASKS}:drawing", body, limits=LARGE)
    except InvalidInput as error:
        raise InvalidInput(error.code, field="file") from error
    except Exhausted as error:
        raise InvalidInput("photo.pixels", field="file") from error


def redraw_several(bodies: Sequence[bytes]) -> list[bytes | None]:
    """Return each picture of one file as `redraw_large` does, None for what cannot be drawn.

    A child draws many of them; where one ends its child, the others of that child are drawn each by its own.
    Raise Unavailable as `confined.run` does.
    """
    done: list[bytes | None] = []
    pixels, ended = MOST_PIXELS, 0
    for some in _batches(bodies):
        try:
            answer = run(f"{_TASKS}:drawings", msgspec.msgpack.encode(some), limits=SEVERAL, pixels=pixels)
        except Exhausted:
            for body in some:
                drawn = _alone(body) if ended < MOST_ENDED else None
                ended += drawn is None
                done.append(drawn)
            continue
        drawings = msgspec.msgpack.decode(answer, type=Drawn)
        pixels = max(pixels - drawings.pixels, 0)
        done += [drawn or None for drawn in drawings.pictures]
    return done


def _alone(body: bytes) -> bytes | None:
    try:
        return redraw_large(body)
    except InvalidInput:
        return None


def _batches(bodies: Sequence[bytes]) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    size = 0
    for body in bodies:
        if some and (len(some) == AT_ONCE or size + len(body) > BYTES_AT_ONCE):
            yield some
            some, size = [], 0
        some.append(body)
        size += len(body)
    if some:
        yield some


def redraw_zip(body: bytes) -> Redrawn:
    """Return the pictures of a zip as `redraw` does, and what is none with the code of what is wrong.

    Raise InvalidInput("photo.zip") for a damaged archive, ("photo.zip_too_big") beyond the limits.
    """
    try:
        answer_body = run(
            f"{_TASKS}:zipped", body, limits=MANY,
            files=MOST_FILES, unpacked=MOST_UNPACKED, each=MOST_PICTURE_BYTES, ratio=MOST_RATIO,
        )  # fmt: skip
    except Exhausted as error:
        raise InvalidInput("photo.zip_too_big", field="photos", files=MOST_FILES) from error
    return msgspec.msgpack.decode(answer_body, type=Redrawn)


MOST_SOUND_BYTES = 6 * MEGABYTE
MOST_SECONDS = 300
_LIMITS = Limits(memory=512 * MEGABYTE, cpu=10, wall=15, answer=7 * MEGABYTE)


def copy(body: bytes) -> Copied:
    """Return an MP3, Ogg or WAV file copied without anything but its sound.

    Raise InvalidInput("sound.kind") by what it is, not by what it is called, ("sound.too_big") over 6 MiB,
    ("sound.long") over five minutes, ("sound.damaged"), and as `confined.run` does.
    """
    if len(body) > MOST_SOUND_BYTES:
        raise InvalidInput("sound.too_big", field="file", most=MOST_SOUND_BYTES // MEGABYTE)
    try:
        answer = run("cbt.media.sound_copy:one", body, limits=_LIMITS, seconds=MOST_SECONDS)
    except InvalidInput as error:
        raise InvalidInput(error.code, **error.params | {"field": "file"}) from error
    except Exhausted as error:
        raise InvalidInput("sound.damaged", field="file") from error
    return msgspec.msgpack.decode(answer, type=Copied)
