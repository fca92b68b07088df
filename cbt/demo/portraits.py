"""Draws a portrait as PNG: enough of a face to tell 30 invented people apart, and nobody's photo."""

from __future__ import annotations

import random
import struct
import zlib

WIDTH, HEIGHT = 150, 200
_GROUNDS = ((214, 228, 240), (226, 232, 214), (238, 226, 214), (222, 216, 236))
_SKINS = ((246, 216, 186), (238, 200, 168), (224, 184, 150), (250, 226, 204))
_HAIRS = ((38, 32, 30), (58, 42, 34), (24, 24, 28), (84, 60, 44))
_COATS = ((44, 82, 130), (90, 100, 116), (124, 58, 66), (46, 104, 88), (70, 62, 110))

Colour = tuple[int, int, int]


class _Canvas:
    """A small picture; ellipses are painted in order."""

    def __init__(self, ground: Colour) -> None:
        self.rows = [bytearray(bytes(ground) * WIDTH) for _ in range(HEIGHT)]

    def ellipse(
        self, cx: float, cy: float, rx: float, ry: float, colour: Colour, *, below: float = 0
    ) -> None:
        """Paint an ellipse, or the part of it that lies under the line `below`."""
        fill = bytes(colour)
        for y in range(max(0, int(max(cy - ry, below))), min(HEIGHT, int(cy + ry) + 1)):
            inside = 1 - ((y - cy) / ry) ** 2
            if inside <= 0:
                continue
            half = rx * inside**0.5
            left, right = max(0, round(cx - half)), min(WIDTH, round(cx + half))
            if right > left:
                self.rows[y][left * 3 : right * 3] = fill * (right - left)

    def png(self) -> bytes:
        """Return the picture as a PNG file."""
        body = b"".join(b"\0" + bytes(row) for row in self.rows)
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def portrait(*, seed: int, long_hair: bool) -> bytes:
    """Return the portrait (PNG, 150 × 200) that `seed` gives."""
    rng = random.Random(seed)
    skin, hair, coat = rng.choice(_SKINS), rng.choice(_HAIRS), rng.choice(_COATS)
    canvas = _Canvas(rng.choice(_GROUNDS))
    width, jaw = rng.uniform(32, 38), rng.uniform(42, 48)
    if long_hair:
        canvas.ellipse(75, 96, width + 14, 66, hair)
    canvas.ellipse(75, 214, 66, 62, coat)
    canvas.ellipse(75, 150, 15, 24, _darker(skin))
    canvas.ellipse(75, 164, 20, 14, (245, 245, 245))
    canvas.ellipse(75, 88, width + 3, jaw + 6, hair)
    canvas.ellipse(75, 94, width, jaw, skin, below=70 + rng.uniform(-3, 4))
    for side in (-1, 1):
        canvas.ellipse(75 + side * 14, 92, 3.2, 3.6, (40, 34, 34))
        canvas.ellipse(75 + side * 14, 82, 7, 1.8, hair)
    canvas.ellipse(75, 106, 3.5, 5, _darker(skin))
    canvas.ellipse(75, 119, 9, 2.6, (186, 96, 92))
    return canvas.png()


def _darker(colour: Colour) -> Colour:
    red, green, blue = colour
    return red * 9 // 10, green * 87 // 100, blue * 85 // 100
