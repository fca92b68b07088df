"""Pictures that are bombs, pages, or broken: what is kept is drawn by us, or nothing is kept."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest
from PIL import Image, ImageCms
from sqlalchemy import func, select

from cbt.candidates.models import CandidatePhoto
from cbt.errors import InvalidInput
from cbt.media.intake import MOST_FILES, MOST_PICTURE_BYTES, redraw, redraw_zip
from cbt.media.picture_copy import LONGEST, MOST_STORED
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.attacks.packages import broken_deflate, chunk, lying, marked_encrypted, packed, png
from tests.world import World

RED, SIZE = (200, 30, 20), (300, 400)
PLAIN = Image.new("RGB", SIZE, RED)
PAGE = b"<html><script>alert(1)</script></html>"
BOMB = zlib.compress(b"a" * 100_000_000, 9)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(picture: Image.Image, kind: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)  # type: ignore[arg-type]  # Pillow names each writer's options apart
    return buffer.getvalue()


def exif(**tags: object) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = tags.get("orientation", 1)
    found[0x010E] = tags.get("words", "")
    return found


REFUSED = [
    pytest.param(png(60_000, 60_000), "photo.pixels", id="60,000 × 60,000"),
    pytest.param(png(60_000, 1), "photo.pixels", id="60,000 wide"),
    pytest.param(png(1, 60_000), "photo.pixels", id="60,000 high"),
    pytest.param(png(2**31 - 1, 2**31 - 1), "photo.pixels", id="the largest size that can be said"),
    pytest.param(png(0, 0), "photo.damaged", id="no size"),
    pytest.param(png(*SIZE, chunk(b"iTXt", b"k\0\1\0\0\0" + BOMB)), "photo.damaged", id="a bomb in iTXt"),
    pytest.param(png(*SIZE, chunk(b"zTXt", b"k\0\0" + BOMB)), "photo.damaged", id="a bomb in zTXt"),
    pytest.param(png(*SIZE, chunk(b"iCCP", b"k\0\0" + BOMB)), "photo.damaged", id="a bomb in iCCP"),
    pytest.param(saved(Image.effect_noise(SIZE, 90), "PNG")[:-5000], "photo.damaged", id="a PNG cut off"),
    pytest.param(png(*SIZE)[:60], "photo.damaged", id="the first bytes of a PNG"),
    pytest.param(png(*SIZE).replace(b"IHDR", b"IHDX"), "photo.damaged", id="a PNG with another head"),
    pytest.param(saved(PLAIN, "JPEG")[:-100], "photo.damaged", id="a JPEG cut off"),
    pytest.param(saved(PLAIN, "JPEG")[:300], "photo.damaged", id="the first bytes of a JPEG"),
    pytest.param(b"\xff\xd8\xff", "photo.damaged", id="three bytes of a JPEG"),
    pytest.param(b"\xff\xd8\xff\xe0" + PAGE, "photo.damaged", id="a page behind the head of a JPEG"),
    pytest.param(b"\x89PNG\r\n\x1a\n" + PAGE, "photo.damaged", id="a page behind the head of a PNG"),
    pytest.param(PAGE, "photo.kind", id="a page"),
    pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "photo.kind", id="an SVG"),
    pytest.param(b'<?xml version="1.0"?><svg/>', "photo.kind", id="an SVG with a declaration"),
    pytest.param(b"%PDF-1.7", "photo.kind", id="a PDF"),
    pytest.param(b"PK\x03\x04", "photo.kind", id="a zip"),
    pytest.param(b"MZ\x90", "photo.kind", id="a program"),
    pytest.param(saved(PLAIN, "GIF"), "photo.kind", id="a GIF"),
    pytest.param(
        saved(PLAIN, "GIF", save_all=True, append_images=[PLAIN]), "photo.kind", id="an animated GIF"
    ),
    pytest.param(saved(PLAIN, "WEBP"), "photo.kind", id="a WebP"),
    pytest.param(
        saved(PLAIN, "WEBP", save_all=True, append_images=[PLAIN]), "photo.kind", id="an animated WebP"
    ),
    pytest.param(saved(PLAIN, "BMP"), "photo.kind", id="a BMP"),
    pytest.param(saved(PLAIN, "TIFF"), "photo.kind", id="a TIFF"),
    pytest.param(b"GIF89a" + saved(PLAIN, "JPEG"), "photo.kind", id="a JPEG behind the head of a GIF"),
    pytest.param(b"", "photo.kind", id="nothing"),
    pytest.param(saved(PLAIN, "PNG") + b"\0" * MOST_PICTURE_BYTES, "photo.too_big", id="a byte too many"),
]


@pytest.mark.parametrize(("body", "code"), REFUSED)
def test_what_is_no_whole_photo_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        redraw(body)
    assert (refused.value.code, refused.value.params["field"]) == (code, "photo")


def near(found: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) <= 6 for one, other in zip(found, wanted, strict=True))


WHITE = (255, 255, 255)
DRAWN = [
    pytest.param(saved(PLAIN, "JPEG"), SIZE, RED, id="a JPEG"),
    pytest.param(saved(PLAIN, "PNG"), SIZE, RED, id="a PNG"),
    pytest.param(saved(PLAIN, "JPEG", progressive=True), SIZE, RED, id="a progressive JPEG"),
    pytest.param(saved(Image.new("L", SIZE, 90), "JPEG"), SIZE, (90, 90, 90), id="a grey JPEG"),
    pytest.param(saved(Image.new("CMYK", SIZE, (0, 255, 255, 0)), "JPEG"), SIZE, (254, 0, 0), id="CMYK"),
    pytest.param(saved(Image.new("1", SIZE, 1), "PNG"), SIZE, WHITE, id="black and white"),
    pytest.param(saved(Image.new("I;16", SIZE, 40_000), "PNG"), SIZE, (155, 155, 155), id="16 bits"),
    pytest.param(saved(PLAIN.quantize(4), "PNG"), SIZE, RED, id="a palette"),
    pytest.param(saved(Image.new("P", SIZE), "PNG", transparency=0), SIZE, WHITE, id="a transparent palette"),
    pytest.param(saved(Image.new("RGBA", SIZE, (9, 9, 9, 0)), "PNG"), SIZE, WHITE, id="a transparent picture"),
    pytest.param(saved(Image.new("LA", SIZE, (9, 0)), "PNG"), SIZE, WHITE, id="transparent grey"),
    pytest.param(saved(PLAIN, "PNG", transparency=RED), SIZE, WHITE, id="a transparent colour"),
    pytest.param(saved(PLAIN, "JPEG", icc_profile=SRGB), SIZE, RED, id="a colour profile"),
    pytest.param(saved(PLAIN, "JPEG", icc_profile=b"x" * 500), SIZE, RED, id="a profile that is none"),
    pytest.param(saved(PLAIN, "JPEG", exif=exif(orientation=6)), (400, 300), RED, id="lying on its side"),
    pytest.param(saved(PLAIN, "JPEG", exif=exif(orientation=3)), SIZE, RED, id="upside down"),
    pytest.param(saved(PLAIN, "JPEG", exif=exif(orientation=99)), SIZE, RED, id="an orientation that is none"),
    pytest.param(saved(PLAIN, "JPEG", exif=b"Exif\0\0garbage"), SIZE, RED, id="notes of a camera that are none"),
    pytest.param(
        saved(PLAIN, "PNG", save_all=True, append_images=[Image.new("RGB", SIZE)]), SIZE, RED, id="an animated PNG"
    ),
    pytest.param(saved(PLAIN, "JPEG", comment=PAGE), SIZE, RED, id="a page in a comment"),
    pytest.param(saved(PLAIN, "JPEG") + PAGE, SIZE, RED, id="a page behind a JPEG"),
    pytest.param(saved(PLAIN, "PNG") + PAGE, SIZE, RED, id="a page behind a PNG"),
    pytest.param(saved(PLAIN, "JPEG") + packed({"a.html": PAGE}), SIZE, RED, id="a zip behind a JPEG"),
    pytest.param(
        saved(Image.new("RGB", (6000, 4000), RED), "PNG"), (LONGEST, LONGEST * 2 // 3), RED, id="a large one"
    ),
    pytest.param(saved(Image.new("RGB", (1, 1), RED), "PNG"), (1, 1), RED, id="one pixel"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "size", "colour"), DRAWN)
def test_what_is_kept_is_our_own_picture(
    body: bytes, size: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    kept = redraw(body)
    with Image.open(io.BytesIO(kept)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", size)
        assert not picture.getexif()
        assert not {"icc_profile", "comment", "exif"} & picture.info.keys()
        assert near(picture.getpixel((0, 0)), colour)
    assert kept.endswith(b"\xff\xd9")
    assert b"<script" not in kept


def test_what_a_camera_noted_is_not_kept() -> None:
    assert b"31.2304N" not in redraw(saved(PLAIN, "JPEG", exif=exif(words="31.2304N 121.4737E")))


def test_the_largest_picture_that_is_kept_is_small() -> None:
    noise = Image.effect_noise((LONGEST, LONGEST), 250).convert("RGB")
    assert len(redraw(saved(noise, "JPEG", quality=60))) <= MOST_STORED


GOOD = saved(PLAIN, "JPEG")
ARCHIVES = [
    pytest.param(packed({"a.jpg": GOOD, "b.jpg": GOOD[:200]}), ["a.jpg"], [("b.jpg", "photo.damaged")],
                 id="one damaged among good ones"),
    pytest.param(packed({"a.jpg": GOOD, "b.jpg": png(60_000, 60_000)}), ["a.jpg"], [("b.jpg", "photo.pixels")],
                 id="one of 60,000 × 60,000"),
    pytest.param(packed({"a.jpg": GOOD, "b.jpg": b"\0" * 900_000}), ["a.jpg"], [("b.jpg", "photo.too_big")],
                 id="one that is a bomb"),
    pytest.param(packed({"a.jpg": GOOD, "b.svg": b"<svg/>"}), ["a.jpg"], [("b.svg", "photo.kind")],
                 id="one that is a page"),
    pytest.param(packed({"a.jpg": GOOD, "c.zip": packed({"b.jpg": GOOD})}), ["a.jpg"], [("c.zip", "photo.kind")],
                 id="a zip within"),
    pytest.param(broken_deflate(packed({"a.jpg": GOOD, "b.jpg": GOOD}), "b.jpg"), ["a.jpg"],
                 [("b.jpg", "photo.damaged")], id="one broken stream"),
    pytest.param(lying(packed({"a.jpg": GOOD, "b.jpg": GOOD + b"\0" * 2_000_000}), "b.jpg", 5000), ["a.jpg"],
                 [("b.jpg", "photo.damaged")], id="one that lies about its size"),
    pytest.param(packed({"../../etc/a.jpg": GOOD}), ["a.jpg"], [], id="a path out of the folder"),
    pytest.param(packed({"C:\\windows\\a.jpg": GOOD}), ["a.jpg"], [], id="a path of Windows"),
    pytest.param(packed({"a\x01\x1b.jpg": GOOD}), ["a.jpg"], [], id="controls in a name"),
    pytest.param(packed({"a" * 5000 + ".jpg": GOOD}), ["a" * 196 + ".jpg"], [], id="a name of 5,000 letters"),
    pytest.param(packed({".jpg": GOOD, "__MACOSX/a.jpg": GOOD}), [], [], id="what systems put beside pictures"),
    pytest.param(packed({}), [], [], id="an empty zip"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "names", "refused"), ARCHIVES)
def test_each_entry_of_a_zip_is_looked_at_by_itself(
    body: bytes, names: list[str], refused: list[tuple[str, str]]
) -> None:
    found = redraw_zip(body)
    assert [name for name, _ in found.pictures] == names
    assert found.refused == refused


def many(count: int) -> bytes:
    return packed({f"{number}.jpg": b"" for number in range(count)})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(many(MOST_FILES + 1), "photo.zip_too_big", id="an entry too many"),
        pytest.param(
            lying(packed({"a.jpg": GOOD}), "a.jpg", 2**32 - 1),
            "photo.zip_too_big",
            id="4 GB in the directory",
        ),
        pytest.param(marked_encrypted(packed({"a.jpg": GOOD})), "photo.zip", id="encrypted"),
        pytest.param(packed({"a.jpg": GOOD})[:-30], "photo.zip", id="the directory cut off"),
        pytest.param(b"PK\x03\x04" + b"\0" * 100, "photo.zip", id="the head of a zip"),
        pytest.param(GOOD, "photo.zip", id="a picture that is no zip"),
        pytest.param(b"Rar!\x1a\x07\x00", "photo.zip", id="another kind of archive"),
        pytest.param(b"", "photo.zip", id="nothing"),
    ],
)
def test_a_zip_that_is_none_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        redraw_zip(body)
    assert refused.value.code == code


def test_a_compression_nobody_knows_is_an_entry_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.jpg", GOOD)
    body = bytearray(buffer.getvalue())
    for mark, place in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        body[body.find(mark) + place] = 97
    assert redraw_zip(bytes(body)).refused == [("a.jpg", "photo.damaged")]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(PAGE, id="a page"),
        pytest.param(png(60_000, 60_000), id="60,000 × 60,000"),
        pytest.param(saved(PLAIN, "JPEG")[:300], id="half a JPEG"),
    ],
)
def test_a_correction_with_such_a_photo_keeps_the_former(world: World, body: bytes) -> None:
    client = world.staff("officer")
    url = f"/office/registrations/{world.sitters['theory'].registration_ref}"
    sent = client.post(f"{url}/correct", data={"evidence": "照片", "photo": (io.BytesIO(body), "a.jpg")})
    assert sent.status_code == 422
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(CandidatePhoto)) == 0


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        pytest.param("image/jpeg", "image/jpeg", id="a JPEG of ours"),
        pytest.param("image/png", "image/png", id="a PNG of earlier"),
        pytest.param("text/html", "application/octet-stream", id="a page that came in once"),
        pytest.param("image/svg+xml", "application/octet-stream", id="a drawing that came in once"),
    ],
)
def test_a_photo_is_sent_as_a_picture_and_as_nothing_else(world: World, stored: str, shown: str) -> None:
    sitter = world.sitters["theory"]
    with world.app.app_context(), unit_of_work() as session:
        from cbt.candidates.models import Registration

        person = session.get_one(Registration, sitter.registration_id).candidate_id
        session.add(CandidatePhoto(candidate_id=person, mimetype=stored, image=PAGE))
    for client, url in (
        (world.candidate("theory"), "/exam/photo"),
        (world.staff("officer"), f"/office/registrations/{sitter.registration_ref}/photo"),
        (world.staff("proctor"), f"/proctor/rooms/{world.room_ref}/seats/{sitter.registration_ref}/photo"),
    ):
        answer = client.get(url)
        assert (answer.status_code, answer.mimetype) == (200, shown)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
