"""Take in a PDF that somebody sent: what comes back has the same pages and was set by us."""

from __future__ import annotations

from cbt.confined.runner import MEGABYTE, Exhausted, Limits, run
from cbt.errors import InvalidInput

MOST_BYTES = 5 * MEGABYTE
MOST_PAGES = 10
LIMITS = Limits(memory=1536 * MEGABYTE, cpu=25, wall=45, answer=8 * MEGABYTE)
_TASK = "cbt.printing.pdf_redraw:reset_pages"


def reset(body: bytes) -> tuple[bytes, int]:
    """Return a PDF as one of our own, and how many pages it has: no script, form or attachment comes along.

    Raise InvalidInput("scan.kind"|"scan.too_big"|"scan.pages"|"scan.locked"|"scan.damaged"), and as `confined.run`
    does.
    """
    if len(body) > MOST_BYTES:
        raise InvalidInput("scan.too_big", field="file", maximum=MOST_BYTES // MEGABYTE)
    try:
        said = run(_TASK, body, limits=LIMITS, pages=MOST_PAGES)
    except InvalidInput as error:
        raise InvalidInput(error.code, **{**error.params, "field": "file"}) from error
    except Exhausted as error:
        raise InvalidInput("scan.damaged", field="file") from error
    return said[1:], said[0]
