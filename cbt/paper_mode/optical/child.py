"""The child's side of a scan: pages of a picture or a PDF in, what stands on them out.

Only `cbt.confined` runs this, in a process of its own. A file's own word about its pages and their sizes is checked
before anything of it is unpacked; nothing of a PDF runs, and no page becomes larger than a scanner makes it.

Source: R-81.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import cv2
import msgspec
import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageOps, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin

from cbt.errors import InvalidInput
from cbt.paper_mode.optical.marks import read_marks
from cbt.paper_mode.optical.order import ReadOrder, ReadPage, ReadPages
from cbt.paper_mode.optical.registration import KEPT, FoundCode, Grey, PageError, find_code, lay_flat
from cbt.rules.paper import sheet
from cbt.rules.paper.reading import PageProblem, PageReading

MOST_PAGES = 2000
MOST_PIXELS, MOST_SIDE = 64_000_000, 16_000
"""Of one picture: A4 at 600 dots an inch has 35 million."""
LONGEST = 2800
"""The longer side of a page as it is read: A4 at 240 dots an inch."""
_PDF = b"%PDF-"
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*")
_FORMATS = ("JPEG", "PNG", "TIFF")
_QUALITY = 60
_KEPT_LONGEST = 1800
_BLANK = 0.0015
_POINTS_LEAST, _POINTS_MOST = 100, 10_000

# Made ready before the process is closed in.
Image.preinit()
assert all(part is not None for part in (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin))
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
cv2.setNumThreads(1)
np.median(np.zeros(3))


def read_pages(body: bytes) -> bytes:
    """Return `ReadPages` of a `ReadOrder` (both msgpack).

    Raise InvalidInput("paper_mode.read.kind"|"paper_mode.read.damaged"|"paper_mode.read.locked"|
    "paper_mode.read.pixels"|"paper_mode.read.pages").
    """
    order = msgspec.msgpack.decode(body, type=ReadOrder)
    layouts = {layout.digest: layout for layout in order.layouts}
    wanted = range(order.first, order.first + order.most)
    with _refusing():
        count, pictures = (
            _pdf(order.body, wanted) if order.body.startswith(_PDF) else _pictures(order.body, wanted)
        )
        if count > MOST_PAGES:
            raise InvalidInput("paper_mode.read.pages", most=MOST_PAGES)
        return msgspec.msgpack.encode(ReadPages(count, [read_picture(grey, layouts) for grey in pictures]))


@contextmanager
def _refusing() -> Iterator[None]:
    """Have whatever a library raises about a file be a refusal in words."""
    try:
        yield
    except (InvalidInput, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise InvalidInput("paper_mode.read.pixels") from error
    except Exception as error:  # a damaged file raises many kinds
        raise InvalidInput("paper_mode.read.damaged") from error


# Pages of a file


def _pdf(body: bytes, wanted: range) -> tuple[int, Iterator[Grey]]:
    try:
        document = pdfium.PdfDocument(body)
    except pdfium.PdfiumError as error:
        is_locked = "password" in str(error).lower() or "security" in str(error).lower()
        raise InvalidInput("paper_mode.read.locked" if is_locked else "paper_mode.read.damaged") from error
    return len(document), (_rendered(document[number]) for number in wanted if number < len(document))


def _rendered(page: pdfium.PdfPage) -> Grey:
    wide, high = page.get_size()
    if not (_POINTS_LEAST < wide < _POINTS_MOST and _POINTS_LEAST < high < _POINTS_MOST):
        raise InvalidInput("paper_mode.read.pixels")
    bitmap = page.render(scale=LONGEST / max(wide, high), grayscale=True, may_draw_forms=False)
    grey: Grey = bitmap.to_numpy().reshape(bitmap.height, bitmap.width).copy()
    page.close()
    return grey


def _pictures(body: bytes, wanted: range) -> tuple[int, Iterator[Grey]]:
    if not body.startswith(_PICTURES):
        raise InvalidInput("paper_mode.read.kind")
    picture = Image.open(io.BytesIO(body), formats=_FORMATS)
    # A photo with a second picture behind it (MPO) is one page.
    count = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    return count, (_frame(picture, number) for number in wanted if number < count)


def _frame(picture: Image.Image, number: int) -> Grey:
    if number:
        picture.seek(number)
    width, height = picture.size
    if width * height > MOST_PIXELS or max(width, height) > MOST_SIDE:
        raise InvalidInput("paper_mode.read.pixels")
    if picture.format == "JPEG" and picture.mode in ("L", "RGB"):
        picture.draft("L", (LONGEST, LONGEST))
    one = ImageOps.exif_transpose(picture)
    if one.mode.startswith("I") or one.mode == "F":
        one = one.convert("I").point(lambda value: value / 257)
    if "A" in one.mode or one.mode == "P":
        one = one.convert("RGBA")
        one = Image.alpha_composite(Image.new("RGBA", one.size, "white"), one)
    grey = np.asarray(one.convert("L"))
    factor = LONGEST / max(grey.shape)
    return cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else grey


# One page


def read_picture(grey: Grey, layouts: Mapping[str, sheet.SheetLayout]) -> ReadPage:
    """Return what stands on one page; with a problem instead of marks where anything about it is not proved."""
    found = find_code(grey)
    if found is None:
        return _unread(grey, "", PageProblem.BLANK if _is_blank(grey) else PageProblem.NO_CODE)
    code = sheet.read_code(found.text)
    layout = layouts.get(code.layout) if code else None
    if code is None or layout is None or code.pages != len(layout.pages):
        return _unread(_turned(grey, found), found.text, PageProblem.BAD_CODE)
    try:
        flat = lay_flat(grey, found)
        rows, fields, boxes = read_marks(flat, layout, layout.pages[code.page - 1])
    except PageError as error:
        return _unread(_turned(grey, found), found.text, error.problem)
    kept = cv2.resize(
        flat.grey, (round(sheet.WIDTH * KEPT), round(sheet.HEIGHT * KEPT)), interpolation=cv2.INTER_AREA
    )
    return ReadPage(_jpeg(kept), PageReading(found.text, None, rows, fields, boxes))


def _unread(grey: Grey, code: str, problem: PageProblem) -> ReadPage:
    factor = min(1.0, _KEPT_LONGEST / max(grey.shape))
    kept = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return ReadPage(_jpeg(kept), PageReading(code, problem))


def _turned(grey: Grey, found: FoundCode) -> Grey:
    """Return a picture upright, by quarters, as its code stands."""
    along = found.corners[1] - found.corners[0]
    quarters = round(float(np.degrees(np.arctan2(along[1], along[0]))) / 90) % 4
    return np.ascontiguousarray(np.rot90(grey, quarters))


def _is_blank(grey: Grey) -> bool:
    small = cv2.GaussianBlur(cv2.resize(grey, (420, 594), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    inside = small[20:-20, 20:-20]
    return float((inside < 0.75 * np.median(inside)).mean()) < _BLANK


def _jpeg(grey: Grey) -> bytes:
    done, encoded = cv2.imencode(
        ".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    )
    assert done
    return encoded.tobytes()
