"""The part of a paper that takes time to write and to pack, made beforehand: its items, as bytes of a gzip stream.

What is said around it differs from start to start and is short: it is sent as it is, in blocks of the stream that
are not packed; packing it would cost as much as all else of a reply. The piece is put in between: packed bytes that
end with a full flush need nothing of what comes before or after them. Only the check of the whole stream has to be
worked out, which the length and the check of a piece are enough for.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache

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
        """Pack a text."""
        plain, packing = text.encode(), zlib.compressobj(EFFORT, zlib.DEFLATED, RAW)
        packed = packing.compress(plain) + packing.flush(zlib.Z_FULL_FLUSH)
        return cls(len(plain), zlib.crc32(plain), _shift(len(plain)), packed)

    @classmethod
    def read(cls, stored: bytes) -> PackedPiece:
        """Return the piece that `stored` was made of."""
        size, crc, shift = _facts.unpack_from(stored)
        return cls(size, crc, shift, stored[_facts.size :])

    def stored(self) -> bytes:
        """Return everything of it as bytes."""
        return _facts.pack(self.size, self.crc, self.shift) + self.packed

    def text(self) -> str:
        """Unpack it."""
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
    power, found = _ONE_BIT_ON, _TOP
    for _ in range(3):  # bytes, not bits
        power = _times(power, power)
    while size:
        if size & 1:
            found = _times(power, found)
        power = _times(power, power)
        size >>= 1
    return found


def _times(one: int, other: int) -> int:
    """Multiply two polynomials modulo that of CRC-32, lowest powers first as zlib has them."""
    product = 0
    while one:
        if one & _TOP:
            product ^= other
        one = (one << 1) & 0xFFFFFFFF
        other = (other >> 1) ^ _POLYNOMIAL if other & 1 else other >> 1
    return product
