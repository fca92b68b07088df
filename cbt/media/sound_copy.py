"""The child's side of a sound: MP3, Ogg or WAV read frame by frame and copied without a word beside the sound.

Nothing is decoded: what is no sound of these kinds is refused, and what else a file holds (titles, pictures,
places, names of people and programs) is left out. Only `cbt.confined` runs this, in a process of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from cbt.errors import InvalidInput

FEWEST_FRAMES = 5
MOST_COMMENT_PAGES = 24
"""Titles and pictures of an Ogg go over at most so many pages of 64 KiB; what has more is refused."""
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_AFTER_SOUND = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"\0")
_PCM, _EXTENSIBLE = 1, 0xFFFE
_OPUS_RATE = 48_000
_PAGE_HEAD = 27


class Copied(msgspec.Struct, frozen=True, array_like=True):
    """A sound of our own: what it is, how long it lasts in whole seconds (started ones count), its bytes."""

    mimetype: str
    seconds: int
    body: bytes


def one(body: bytes, *, seconds: int) -> bytes:
    """Return msgpack of `Copied`.

    Raise InvalidInput("sound.kind") for another kind of file, ("sound.damaged"), ("sound.long") over `seconds`.
    """
    try:
        if body.startswith(b"RIFF") and body[8:12] == b"WAVE":
            copied = _wav(body)
        elif body.startswith(b"OggS"):
            copied = _ogg(body)
        elif body.startswith((b"ID3", b"\xff")):
            copied = _mp3(body)
        else:
            raise InvalidInput("sound.kind")
    except (IndexError, struct.error, ValueError) as error:
        raise InvalidInput("sound.damaged") from error
    if copied.seconds > seconds:
        raise InvalidInput("sound.long", most=seconds)
    return msgspec.msgpack.encode(copied)


def _started(samples: int, rate: int) -> int:
    return -(-samples // rate)


def _mp3(body: bytes) -> Copied:
    start = 0
    while body[start : start + 3] == b"ID3":
        size = 0
        for byte in body[start + 6 : start + 10]:
            size = size << 7 | byte & 0x7F
        start += 10 + size + (10 if body[start + 5] & 0x10 else 0)
    frames: list[bytes] = []
    samples, rate, place = 0, 0, start
    while place < len(body):
        frame = _frame(body, place)
        if frame is None:
            rest = body[place:]
            if not rest.startswith(_AFTER_SOUND):
                raise InvalidInput("sound.damaged" if frames else "sound.kind")
            break
        length, of_frame, of_rate = frame
        if rate and of_rate != rate:
            raise InvalidInput("sound.damaged")
        if place + length > len(body):
            break  # the last one was cut off
        rate, samples = of_rate, samples + of_frame
        frames.append(body[place : place + length])
        place += length
    if len(frames) < FEWEST_FRAMES:
        raise InvalidInput("sound.kind")
    return Copied("audio/mpeg", _started(samples, rate), b"".join(frames))


def _frame(body: bytes, place: int) -> tuple[int, int, int] | None:
    """Return length, samples and rate of the frame that begins at a place, or None where none does."""
    head = body[place : place + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer, bits, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer != 1 or bits in (0, 15) or rate == 3:
        return None
    first = version == 3
    hertz, kilobits = _RATES[version][rate], _KILOBITS[first][bits]
    return (
        (144 if first else 72) * kilobits * 1000 // hertz + (head[2] >> 1 & 1),
        1152 if first else 576,
        hertz,
    )


def _wav(body: bytes) -> Copied:
    shape, sound, place = b"", b"", 12
    while place + 8 <= len(body) and not sound:
        name, size = struct.unpack_from("<4sI", body, place)
        chunk = body[place + 8 : place + 8 + size]
        shape = chunk if name == b"fmt " else shape
        sound = chunk if name == b"data" else sound
        place += 8 + size + size % 2
    kind, channels, rate, _bytes, block, bits = struct.unpack_from("<HHIIHH", shape)
    if kind == _EXTENSIBLE:
        kind = struct.unpack_from("<H", shape, 24)[0]
    if kind != _PCM:
        raise InvalidInput("sound.kind")
    sane = (
        channels in (1, 2)
        and bits in (8, 16, 24)
        and 8000 <= rate <= 96_000
        and block == channels * bits // 8
    )
    sound = sound[: len(sound) // block * block] if sane else b""
    if not sound:
        raise InvalidInput("sound.damaged")
    shape = struct.pack("<HHIIHH", _PCM, channels, rate, rate * block, block, bits)
    head = struct.pack("<4sI4s4sI", b"RIFF", 36 + len(sound), b"WAVE", b"fmt ", 16) + shape
    return Copied(
        "audio/wav",
        _started(len(sound) // block, rate),
        head + struct.pack("<4sI", b"data", len(sound)) + sound,
    )


def _ogg(body: bytes) -> Copied:
    """Copy an Ogg of one stream of Vorbis or Opus; its comments become blanks of the same length."""
    copy, pages = bytearray(body), list(_pages(body))
    if len({serial for _, _, _, serial in pages}) != 1 or len(pages) < 3:
        raise InvalidInput("sound.kind")
    first = body[pages[0][1] : pages[0][2]]
    if first.startswith(b"\x01vorbis"):
        rate, mark = struct.unpack_from("<I", first, 12)[0], b"\x03vorbis"
    elif first.startswith(b"OpusHead"):
        rate, mark = _OPUS_RATE, b"OpusTags"
    else:
        raise InvalidInput("sound.kind")
    heads = pages[1 : 1 + MOST_COMMENT_PAGES]
    places = [place for _, start, end, _ in heads for place in range(start, end)]
    if bytes(body[place] for place in places[: len(mark)]) != mark:
        raise InvalidInput("sound.damaged")
    _blank(copy, places, len(mark))
    for start, _, end, _ in heads:
        copy[start + 22 : start + 26] = b"\0\0\0\0"
        copy[start + 22 : start + 26] = struct.pack("<I", _checksum(copy[start:end]))
    last = struct.unpack_from("<q", body, pages[-1][0] + 6)[0]
    if rate <= 0 or last <= 0:
        raise InvalidInput("sound.damaged")
    return Copied("audio/ogg", _started(last, rate), bytes(copy[: pages[-1][2]]))


def _pages(body: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield start, start of the payload, end and serial number of each page."""
    place = 0
    while place + _PAGE_HEAD <= len(body):
        if body[place : place + 4] != b"OggS":
            raise InvalidInput("sound.damaged")
        count = body[place + 26]
        payload = place + _PAGE_HEAD + count
        end = payload + sum(body[place + _PAGE_HEAD : payload])
        if end > len(body):
            return  # the last one was cut off
        yield place, payload, end, struct.unpack_from("<I", body, place + 14)[0]
        place = end


def _blank(copy: bytearray, places: list[int], at: int) -> None:
    """Blank the name of the program and each comment, which stand in a packet that may go over pages."""

    def number(where: int) -> int:
        return int.from_bytes(bytes(copy[place] for place in places[where : where + 4]), "little")

    def wipe(where: int, count: int, keep: bytes) -> None:
        if count > len(places) - where:
            raise InvalidInput("sound.damaged")
        for offset, place in enumerate(places[where : where + count]):
            copy[place] = keep[offset] if offset < len(keep) else 0x20

    size = number(at)
    wipe(at + 4, size, b"")
    at += 4 + size
    count, at = number(at), at + 4
    for _ in range(count):
        size = number(at)
        wipe(at + 4, size, b"X=")
        at += 4 + size


def _table() -> tuple[int, ...]:
    numbers = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        numbers.append(value)
    return tuple(numbers)


_CRC = _table()


def _checksum(page: bytearray) -> int:
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ _CRC[value >> 24 ^ byte]
    return value
