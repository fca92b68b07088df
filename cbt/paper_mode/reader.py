"""Reading scans of answer sheets: a file and the layouts to expect in, pages with what was read on them out.

The file is opened by a child that can neither kill nor freeze the one that asks (`cbt.confined`). What reads comes
with the extra `omr`; without it answers are typed.

Source: R-81.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec

import msgspec
from PIL import Image

from cbt.confined.runner import MEGABYTE, Exhausted, Limits, run
from cbt.errors import InvalidInput, Unavailable
from cbt.paper_mode.optical.order import ReadOrder, ReadPages
from cbt.rules.paper.reading import Box
from cbt.rules.paper.sheet import SheetLayout

MOST_BYTES = 256 * MEGABYTE
AT_ONCE = 20
"""Pages that one child reads."""
LIMITS = Limits(memory=1024 * MEGABYTE, cpu=120, wall=180, answer=64 * MEGABYTE)
_TASK = "cbt.paper_mode.optical.child:read_pages"
_NEEDED = ("cv2", "zxingcpp", "pypdfium2")
_QUALITY = 80


def is_available() -> bool:
    """Return whether what reads scans is installed (the extra `omr`)."""
    return all(find_spec(name) is not None for name in _NEEDED)


def read(body: bytes, layouts: Sequence[SheetLayout], *, first: int = 0, most: int = AT_ONCE) -> ReadPages:
    """Return so many pages of a file, from the `first` (from 0), and how many it has.

    Whoever wants all asks again from where it stopped, until `count` are there. Every page comes back: read, or
    with the problem because of which a person must look at it. Raise InvalidInput("paper_mode.read.…") for a file
    that is no scan of ours, Unavailable("paper_mode.read.missing") without the extra, and as `confined.run` does.
    """
    if not is_available():
        raise Unavailable("paper_mode.read.missing")
    if len(body) > MOST_BYTES:
        raise InvalidInput("paper_mode.read.too_big", field="file", maximum=MOST_BYTES // MEGABYTE)
    order = ReadOrder(body, first, min(most, AT_ONCE), list(layouts))
    try:
        answer = run(_TASK, msgspec.msgpack.encode(order), limits=LIMITS)
    except InvalidInput as error:
        raise InvalidInput(error.code, **error.params | {"field": "file"}) from error
    except Exhausted as error:
        raise InvalidInput("paper_mode.read.exhausted", field="file") from error
    return msgspec.msgpack.decode(answer, type=ReadPages)


def cut_out(image: bytes, box: Box, *, times: int = 1) -> bytes:
    """Return a part of a page's kept picture as a JPEG, so many times larger: a row in doubt, a field."""
    with Image.open(io.BytesIO(image), formats=("JPEG",)) as picture:
        part = picture.crop((box.left, box.top, box.left + box.width, box.top + box.height))
    if times > 1:
        part = part.resize((part.width * times, part.height * times), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    part.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
