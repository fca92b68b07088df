"""Pictures and sounds of items: taken in anew, kept once, sent to whoever is signed in, told in words."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cbt.bank.lint.check import check_item
from cbt.confined.runner import Exhausted
from cbt.errors import InvalidInput
from cbt.items import media_store
from cbt.items.models import Media
from cbt.media import intake, picture_copy, sound_copy
from cbt.media.picture_copy import Drawn
from cbt.media.sound_copy import Copied
from cbt.storage.unit_of_work import reading
from tests.bank import drafts
from tests.bank.drafts import TAXONOMY, draft
from tests.bank.field_texts.direct import run_here
from tests.world import World

BANK = "customer-service-l3"
SECRET = b"Zhang San, 13800000000"


def picture(
    colour: str = "red", *, kind: str = "PNG", size: tuple[int, int] = (64, 48), **saved: Any
) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, **saved)
    return buffer.getvalue()


def wav(*, seconds: int = 1, rate: int = 8000, kind: int = 1) -> bytes:
    sound = b"\x80" * (seconds * rate)
    shape = struct.pack("<HHIIHH", kind, 1, rate, rate, 1, 8)
    chunks = b"fmt " + struct.pack("<I", 16) + shape + b"LIST" + struct.pack("<I", len(SECRET)) + SECRET
    body = b"WAVE" + chunks + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body


def mp3(*, frames: int = 40, tail: bytes = b"TAG" + SECRET) -> bytes:
    one = b"\xff\xfb\x90\x00" + b"\x55" * (144 * 128_000 // 44_100 - 4)
    size = len(SECRET)
    head = b"ID3\x03\x00\x00" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    return head + SECRET + one * frames + tail


def ogg(*, second: bytes = b"") -> bytes:
    tags = b"OpusTags" + struct.pack("<I", 4) + b"Lavf" + struct.pack("<I", 1)
    tags += struct.pack("<I", len(SECRET)) + SECRET
    head = b"OpusHead\x01\x01" + b"\0" * 9
    packets = [(head, 0), (second or tags, 0), (b"\x55" * 300, 96_000)]
    return b"".join(page(body, number, granule) for number, (body, granule) in enumerate(packets))


def page(body: bytes, number: int, granule: int) -> bytes:
    table = bytes([255] * (len(body) // 255) + [len(body) % 255])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, 0, granule, 7, number, 0, len(table))
    return head + table + body


def said(body: bytes) -> Copied:
    return intake.copy(body)


@pytest.mark.parametrize(
    ("body", "kind", "seconds"),
    [
        pytest.param(wav(seconds=2), "audio/wav", 2, id="wav"),
        pytest.param(mp3(), "audio/mpeg", 2, id="mp3"),
        pytest.param(ogg(), "audio/ogg", 2, id="ogg"),
    ],
)
def test_a_sound_is_copied_without_a_word_beside_it(body: bytes, kind: str, seconds: int) -> None:
    assert SECRET in body
    found = said(body)
    assert (found.mimetype, found.seconds) == (kind, seconds)
    assert SECRET not in found.body
    assert b"\x55" * 200 in found.body or b"\x80" * 200 in found.body
    assert said(found.body).body == found.body, "what is copied again stays the same"


def test_the_pages_of_an_ogg_that_were_changed_have_their_sums() -> None:
    """By the definition of the sum, a bit at a time."""
    body = said(ogg()).body
    second = body.index(b"OggS", 4)
    whole = bytearray(body[second : body.index(b"OggS", second + 4)])
    given, whole[22:26] = struct.unpack_from("<I", whole, 22)[0], b"\0\0\0\0"
    value = 0
    for byte in whole:
        for bit in range(7, -1, -1):
            top = value >> 31 ^ byte >> bit & 1
            value = (value << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if top else 0)
    assert given == value


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"RIFF\0\0\0\0AVI ", "sound.kind", id="another RIFF"),
        pytest.param(wav(kind=85), "sound.kind", id="no PCM"),
        pytest.param(wav()[:30], "sound.damaged", id="half a head"),
        pytest.param(b"\xff\xfb\x90\x00" * 3, "sound.kind", id="no frames"),
        pytest.param(mp3(tail=b"<script>"), "sound.damaged", id="a script behind"),
        pytest.param(ogg(second=b"\x03vorbis"), "sound.damaged", id="another codec's comments"),
        pytest.param(ogg(second=b"OpusTags\xff\xff\xff\xff"), "sound.damaged", id="comments without end"),
        pytest.param(b"OggS" + b"\0" * 40, "sound.kind", id="no Ogg"),
        pytest.param(b"ID3" + b"\xff" * 40, "sound.kind", id="a title without end"),
        pytest.param(wav(seconds=301), "sound.long", id="long"),
    ],
)
def test_what_is_no_sound_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        sound_copy.one(body, seconds=intake.MOST_SECONDS)
    assert refused.value.code == code


def bring(client: FlaskClient, body: bytes, name: str = "图.png") -> TestResponse:
    return client.post(
        f"/bank/{BANK}/media",
        data={"file": (io.BytesIO(body), name)},
        headers={"Accept": "application/json"},
        content_type="multipart/form-data",
    )


def test_a_picture_is_kept_once_and_sent_to_whoever_is_signed_in(world: World) -> None:
    author = world.staff("author")
    plan = picture()
    brought = bring(author, plan).get_json()
    assert brought["size"] == [64, 48]
    assert bring(author, plan, "别名.png").get_json()["reference"] == brought["reference"]
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(Media)) == 1
    for client in (author, world.staff("proctor"), world.candidate("second")):
        answer = client.get(brought["address"])
        assert (answer.status_code, answer.mimetype) == (200, "image/png")
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert Image.open(io.BytesIO(answer.data)).size == (64, 48)
    assert world.app.test_client().get(brought["address"]).status_code == 403
    for wrong in ("0" * 32, "x", brought["address"].rpartition("/")[2] + ".mp3"):
        assert author.get(f"/item-media/{wrong}").status_code == 404
    assert bring(world.staff("reviewer"), plan).status_code == 403


def test_a_sound_is_sent_in_pieces_too(world: World) -> None:
    author = world.staff("author")
    brought = bring(author, mp3(), "录音.mp3").get_json()
    assert (brought["sound"], brought["seconds"]) == (True, 2)
    assert brought["reference"].endswith(".mp3")
    answer = author.get(brought["address"], headers={"Range": "bytes=0-99"})
    assert (answer.status_code, len(answer.data), answer.mimetype) == (206, 100, "audio/mpeg")


def test_a_picture_that_ends_its_child_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = picture("blue"), [picture("red"), picture("green")]

    def ending(task: str, body: bytes, **options: Any) -> bytes:
        if task.endswith(":drawings") or body == bad:
            raise Exhausted
        return run_here(task, body, **options)

    monkeypatch.setattr(intake, "run", ending)
    found = media_store.take_in_all([good[0], bad, good[1]])
    assert [one is not None for one in found] == [True, False, True]
    assert found[0] == media_store.take_in(good[0])
    assert media_store.take_in_all([bad] * 5) == [None] * 5


def test_the_pixels_of_one_file_are_counted() -> None:
    bodies = msgspec.msgpack.encode([picture(size=(40, 50))] * 3)
    found = msgspec.msgpack.decode(picture_copy.drawings(bodies, pixels=4_000), type=Drawn)
    assert ([bool(one) for one in found.pictures], found.pixels) == ([True, True, False], 6_000)


def test_what_is_neither_is_refused_with_the_remedy(world: World) -> None:
    author = world.staff("author")
    bomb = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb += _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")
    for body, code in (
        (b"<svg onload=alert(1)>", "photo.kind"),
        (b"GIF89a", "photo.kind"),
        (bomb, "photo.pixels"),
        (b"\xff\xfb" + b"\0" * 99, "sound.kind"),
    ):
        refused = bring(author, body)
        assert (refused.status_code, refused.get_json()["code"]) == (422, code)
        assert refused.get_json()["fix"]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_text_names_only_what_is_here_and_says_what_it_is(world: World) -> None:
    author = world.staff("author")
    name = bring(author, picture("blue")).get_json()["reference"]
    for text, found in (
        (f"![大厅平面图]({name})", ""),
        (f"![]({name})", "没有文字说明"),
        (f"![大厅](media:{'0' * 32})", "不在本系统中"),
        ("![大厅](media:x)", "不是本系统的图片"),
    ):
        sent = {"point": "A-A-A-001", "stem": f"{text}大厅里的客服员应当先问候客户。", "answer": "true"}
        looked = author.post(f"/bank/{BANK}/editing/true_false/look", data=sent).get_json()
        notes = looked["notes"].get("stem", "")
        assert found in notes
        assert bool(found) == ("note-error" in notes)
        assert ("<img src=" in looked["paper"]["items"][0]["stem"]) == (text != "![大厅](media:x)")


@pytest.mark.parametrize(
    ("mark", "code"),
    [
        pytest.param("![x](y.png)", "media_elsewhere", id="elsewhere"),
        pytest.param(f"![图](media:{'0' * 32})", "media_words", id="of which its file said nothing"),
    ],
)
def test_what_an_author_should_look_at_is_only_a_hint(mark: str, code: str) -> None:
    [found] = check_item(draft(drafts.truth(f"客服员应当看图{mark}回答客户的问题。")), TAXONOMY)
    assert (found.severity.value, found.code) == ("hint", code)
