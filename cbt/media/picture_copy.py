"""The child's side of a picture: decode it within limits and draw it anew, so that nothing of the file is kept.

Only `cbt.confined` runs this, in a process of its own.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePosixPath

import msgspec
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, MpoImagePlugin, PngImagePlugin

from cbt.charset import entry_names
from cbt.errors import InvalidInput

MOST_PIXELS = 40_000_000
MOST_SIDE = 12_000
LONGEST = 960
"""The longer side of what is kept, in pixels: enough to compare a face on a large screen and in print."""
MOST_STORED = 300 * 1024
SIZES = ((LONGEST, 88), (LONGEST, 75), (LONGEST, 60), (LONGEST // 2, 60))
"""(longer side, JPEG quality) as they are tried: no picture of the last is larger than MOST_STORED."""
LARGEST, FEW_COLOURS = 1600, 256
"""The longer side of a picture of an item; up to so many colours it is kept as a PNG."""
LARGE_SIZES = ((LARGEST, 88), (LARGEST, 72), (1200, 72), (LONGEST, 70), (LONGEST, 55), (LONGEST // 2, 60))
_FORMATS = ("JPEG", "PNG")
_WHITE = (255, 255, 255)
_SRGB = ImageCms.createProfile("sRGB")
_ENCRYPTED_BIT = 0x1
_LONGEST_NAME = 200
_UNSEEN = re.compile(r"[\x00-\x1f\x7f]")
_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")

# Made ready before the process is closed in: Pillow loads its readers when they are first needed.
Image.preinit()
assert all(part is not None for part in (JpegImagePlugin, MpoImagePlugin, PngImagePlugin))


class Redrawn(msgspec.Struct, frozen=True, array_like=True):
    """What a zip held: (file name, JPEG) of the pictures, (file name, catalogue code) of what is none."""

    pictures: list[tuple[str, bytes]]
    refused: list[tuple[str, str]]


class Drawn(msgspec.Struct, array_like=True):
    """Several pictures drawn anew, empty for what is none, and how many pixels they had."""

    pictures: list[bytes]
    pixels: int


def one(body: bytes) -> bytes:
    """Return a JPEG or PNG as an upright sRGB JPEG without anything beside its pixels.

    Raise InvalidInput("photo.kind") for another kind of file, ("photo.damaged"), ("photo.pixels") for a picture
    of more pixels than a camera takes.
    """
    if not body.startswith(_HEADS):
        raise InvalidInput("photo.kind")
    try:
        with Image.open(io.BytesIO(body), formats=_FORMATS) as picture:
            _within_limits(picture)
            picture.draft("RGB", (2 * LONGEST, 2 * LONGEST))  # a large JPEG is decoded smaller
            return _jpeg(_plain(_upright(picture)))
    except (InvalidInput, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise InvalidInput("photo.pixels") from error
    except Exception as error:  # a damaged file raises many kinds
        raise InvalidInput("photo.damaged") from error


def drawing(body: bytes) -> bytes:
    """Return a JPEG or PNG for an item, upright and without anything beside its pixels, larger than a face needs.

    What has few colours, a plan or a screen, stays sharp as a PNG; all else is a JPEG. Raise as `one` does.
    """
    if not body.startswith(_HEADS):
        raise InvalidInput("photo.kind")
    try:
        with Image.open(io.BytesIO(body), formats=_FORMATS) as picture:
            _within_limits(picture)
            picture.draft("RGB", (2 * LARGEST, 2 * LARGEST))
            flat = _plain(_upright(picture), LARGEST)
            flat.info.clear()
            few = flat.getcolors(FEW_COLOURS)
            return _png(flat.quantize(len(few))) if few else _jpeg(flat, LARGE_SIZES)
    except (InvalidInput, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise InvalidInput("photo.pixels") from error
    except Exception as error:  # a damaged file raises many kinds
        raise InvalidInput("photo.damaged") from error


def drawings(body: bytes, *, pixels: int) -> bytes:
    """Return each of several pictures (msgpack of their bytes) as `drawing` does, as msgpack of `Drawn`.

    Together they may have so many `pixels`; the ones beyond are not decoded.
    """
    drawn = Drawn([], 0)
    for one_of in msgspec.msgpack.decode(body, type=list[bytes]):
        size = _pixels(one_of)
        try:
            done = drawing(one_of) if drawn.pixels + size <= pixels else b""
        except (InvalidInput, MemoryError):
            done = b""
        drawn.pixels += size
        drawn.pictures.append(done)
    return msgspec.msgpack.encode(drawn)


def _pixels(body: bytes) -> int:
    """Return how many pixels a picture says it has, 0 for what is none."""
    try:
        with Image.open(io.BytesIO(body), formats=_FORMATS) as picture:
            return picture.size[0] * picture.size[1]
    except Exception:  # it is told apart where it is drawn
        return 0


def zipped(body: bytes, *, files: int, unpacked: int, each: int, ratio: int) -> bytes:
    """Return the pictures of a zip as msgpack of `Redrawn`.

    Raise InvalidInput("photo.zip") for a damaged or encrypted archive, ("photo.zip_too_big") beyond the limits.
    Names are never used as paths.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > files or sum(member.file_size for member in members) > unpacked:
                raise InvalidInput("photo.zip_too_big", files=files)
            if any(member.flag_bits & _ENCRYPTED_BIT for member in members):
                raise InvalidInput("photo.zip")
            redrawn = Redrawn([], [])
            for member, entry_name in zip(members, entry_names(members), strict=True):
                _sort_in(archive, member, entry_name, redrawn, each=each, ratio=ratio)
    except (InvalidInput, MemoryError):
        raise
    except Exception as error:  # zipfile and its decompressors raise many kinds
        raise InvalidInput("photo.zip") from error
    return msgspec.msgpack.encode(redrawn)


def _sort_in(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    entry_name: str,
    redrawn: Redrawn,
    *,
    each: int,
    ratio: int,
) -> None:
    name = _name(entry_name)
    if not name:
        return
    if member.file_size > each or member.file_size > ratio * max(member.compress_size, 1024):
        redrawn.refused.append((name, "photo.too_big"))
        return
    try:
        with archive.open(member) as packed:
            image = packed.read(each + 1)  # the size it says of itself may be a lie
        if len(image) > each:
            raise InvalidInput("photo.too_big")
        redrawn.pictures.append((name, one(image)))
    except InvalidInput as error:
        redrawn.refused.append((name, error.code))
    except MemoryError:
        raise
    except Exception:  # one damaged entry leaves the others as they are
        redrawn.refused.append((name, "photo.damaged"))


def _name(entry_name: str) -> str:
    """Return the file name of an entry without its folder; an empty text for what systems put beside pictures."""
    path = PurePosixPath(entry_name.replace("\\", "/"))
    if "__MACOSX" in path.parts or path.name.startswith("."):
        return ""
    return _UNSEEN.sub("", path.name)[-_LONGEST_NAME:]


def _within_limits(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS or max(width, height) > MOST_SIDE:
        raise InvalidInput("photo.pixels")


def _upright(picture: Image.Image) -> Image.Image:
    picture.load()
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # what a camera noted cannot be read: the picture itself can
        return picture


def _plain(picture: Image.Image, longest: int = LONGEST) -> Image.Image:
    """Return a picture in RGB: colours by its own profile, 16 bits made 8, what is transparent made white."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda value: value / 257).convert("L")
    if picture.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    if picture.mode == "RGBA":
        ground = Image.new("RGB", picture.size, _WHITE)
        ground.paste(picture, mask=picture.getchannel("A"))
        picture = ground
    return _in_srgb(picture, profile).convert("RGB")


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile or picture.mode not in ("RGB", "CMYK", "L"):
        return picture
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(picture, own, _SRGB, outputMode="RGB") or picture
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture  # a profile for another kind of picture, or a damaged one


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _jpeg(picture: Image.Image, sizes: tuple[tuple[int, int], ...] = SIZES) -> bytes:
    picture.info.clear()
    for side, quality in sizes:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= MOST_STORED:
            break
    return buffer.getvalue()
