"""Pictures of a text bank: taken into the item as our own JPEG, or refused with what is wrong."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from cbt.interchange.text_bank import read_folder
from cbt.items.draft import Reading
from cbt.media.intake import size_of
from cbt.rules.items.registry import parse_content
from tests.kinds.papers import HERE

PREFIX = "data:image/jpeg;base64,"


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "#d8433b").save(buffer, "PNG")
    return buffer.getvalue()


def read(tmp_path: Path, *, name: str = "hall.png", size: str = "[400, 200]") -> Reading:
    """Read a bank of one item that names a picture."""
    (tmp_path / "taxonomy.toml").write_bytes((HERE / "bank" / "taxonomy.toml").read_bytes())
    folder = tmp_path / "theory"
    folder.mkdir(exist_ok=True)
    text = f'[[item]]\nref = "H"\ntype = "hotspot"\nstem = "标出。"\npicture = "{name}"\nsize = {size}\n'
    (folder / "items.toml").write_text(text, "utf-8")
    return read_folder(tmp_path)


def codes(reading: Reading) -> list[str]:
    return [found.code for found in reading.findings]


def test_a_picture_becomes_our_own_jpeg_within_the_item(tmp_path: Path) -> None:
    (tmp_path / "theory").mkdir()
    (tmp_path / "theory" / "hall.png").write_bytes(png(1200, 600))
    found = read(tmp_path)
    assert codes(found) == []
    picture = found.items[0].data["picture"]
    jpeg = base64.b64decode(picture.removeprefix(PREFIX))
    with Image.open(io.BytesIO(jpeg)) as drawn:
        assert (drawn.format, drawn.size) == ("JPEG", (960, 480))
        assert size_of(jpeg) == drawn.size
    assert read(tmp_path).items[0].data["picture"] == picture, "brought again, the item has not changed"


@pytest.mark.parametrize(
    ("name", "size", "content", "code"),
    [
        pytest.param("none.png", "[400, 200]", png(400, 200), "picture_missing", id="no such file"),
        pytest.param(
            "../taxonomy.toml", "[400, 200]", png(400, 200), "picture_missing", id="out of the folder"
        ),
        pytest.param("hall.png", "[400, 200]", b"<svg/>", "picture_unreadable", id="no picture"),
        pytest.param("hall.png", "[400, 200]", png(400, 200)[:60], "picture_unreadable", id="a part of one"),
        pytest.param(
            "hall.png",
            "[400, 200]",
            b"\x89PNG\r\n\x1a\n" + b"x" * 2**20,
            "picture_large",
            id="too many bytes",
        ),
        pytest.param("hall.png", "[400, 230]", png(400, 200), "picture_size", id="another shape"),
        pytest.param(
            "data:image/png;base64,AA", "[400, 200]", png(400, 200), "picture_missing", id="no file's name"
        ),
    ],
)
def test_a_picture_that_cannot_be_used_keeps_its_item_out(
    tmp_path: Path, name: str, size: str, content: bytes, code: str
) -> None:
    (tmp_path / "theory").mkdir()
    (tmp_path / "theory" / "hall.png").write_bytes(content)
    found = read(tmp_path, name=name, size=size)
    assert (codes(found), found.items) == ([code], [])
    assert (found.findings[0].place.line, found.findings[0].value) == (5, name)


def test_the_sample_items_are_sound() -> None:
    found = read_folder(HERE / "bank")
    assert codes(found) == []
    for draft in found.items:
        parse_content(draft.data)
