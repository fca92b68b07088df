"""Write a site that answers look-ups from any web server and holds no list that could be read (R-94)."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import flask
import flask_babel
from sqlalchemy import select

from cbt.audit.chain import record
from cbt.certificates.looking_up import found_certificate
from cbt.certificates.models import Certificate
from cbt.certificates.publishing.keys import keep, kept_keys, keys_of, stretch_of, without_keys
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.enrolment.body.service import body
from cbt.errors import Conflict
from cbt.paths import product_dir
from cbt.rules.canonical import canonical_json
from cbt.rules.certificates.lookup import KeyStretch, record_ref, record_size, sealed

FORMAT = "cbt-look-up-1"
TOLD = "site.json"
RECORDS = "records"
_KEPT_AT_ONCE = 50
_TOLD_EACH = 500
_SHEETS = ("tokens", "base", "parts", "forms")
"""What the look of the product has of every page."""
_OWN_SHEET, _SCRIPT = "certificates/publishing/site.css", "certificates/publishing/site.js"
_PAGES = (("index", "zh", "en"), ("en", "en", "index"))
"""The pages, the language of each, and the one in the other language."""

Tell = Callable[[str, int, int], None]
"""Is told which step it is (`stretch`, `write`), how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class PublishedSite:
    """What was published: how many certificates, in how many records, and how many files had to be written."""

    certificates: int
    records: int
    written: int


def publish(folder: Path, *, today: date, now: datetime, actor: str, tell: Tell) -> PublishedSite:
    """Write the look-up site of all certificates into a folder, or bring one that is there up to date.

    A record that did not change stays as it is, so that only what is new travels to the web server. Raise
    Conflict("certificate.publish_folder") for a folder with anything else in it.

    Source: R-94.
    """
    _require_ours(folder)
    with unit_of_work() as session:
        stretch, name = stretch_of(session), body(session).name
    _stretch_all(stretch, tell)
    count, contents = _contents()
    size, written, kept = record_size(contents.values()), 0, set()
    for done, (key, content) in enumerate(contents.items(), 1):
        ref = record_ref(key)
        kept.add(ref)
        written += _put(folder / RECORDS / ref[:2] / ref, sealed(content, key, size))
        if done % _TOLD_EACH == 0:
            tell("write", done, len(contents))
    for path, text in _frame(stretch, name, today):
        written += _put(folder / path, text)
    for old in (folder / RECORDS).glob("??/*"):
        if old.name not in kept:
            old.unlink()
    with unit_of_work() as session:
        after = {"certificates": count}
        record(
            session, at=now, actor=actor, act="certificate.publish", subject="certificate_site:1", after=after
        )
    return PublishedSite(count, len(contents), written)


def _require_ours(folder: Path) -> None:
    told = folder / TOLD
    try:
        ours = told.is_file() and json.loads(told.read_bytes())["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        ours = False
    if not ours and any(folder.iterdir()):
        raise Conflict("certificate.publish_folder", path=str(folder))


def _stretch_all(stretch: KeyStretch, tell: Tell) -> None:
    with reading() as session:
        waiting = without_keys(session)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for first in range(0, len(waiting), _KEPT_AT_ONCE):
            piece = waiting[first : first + _KEPT_AT_ONCE]
            keep(list(zip(piece, pool.map(lambda one: keys_of(one, stretch), piece), strict=True)))
            tell("stretch", first + len(piece), len(waiting))


def _contents() -> tuple[int, dict[bytes, bytes]]:
    """Return how many certificates are published, and what each key opens.

    A certificate is found by its number, all of a person by their document. One that was issued meanwhile has no
    key yet: it is there the next time.
    """
    opened: defaultdict[bytes, list[dict[str, object]]] = defaultdict(list)
    with reading() as session:
        keys = kept_keys(session)
        rows = [
            row for row in session.scalars(select(Certificate).order_by(Certificate.id)) if row.id in keys
        ]
        for row in rows:
            said = asdict(found_certificate(row))
            for key in filter(None, (keys[row.id].by_number, keys[row.id].by_document)):
                opened[key].append(said)
    return len(rows), {key: canonical_json({"certificates": said}).encode() for key, said in opened.items()}


def _frame(stretch: KeyStretch, body_name: str, today: date) -> Iterator[tuple[str, bytes]]:
    """Yield the files around the records; what tells how to ask comes last, when all is there."""
    static = product_dir("static")
    page = flask.current_app.jinja_env.get_template("certificates/publishing/site.html")
    for name, locale, other in _PAGES:
        with flask_babel.force_locale(locale):
            drawn = page.render(language=locale, other=f"{other}.html", body=body_name, day=today)
        yield f"{name}.html", drawn.encode()
    sheets = [*(static / "ui" / f"{sheet}.css" for sheet in _SHEETS), static / _OWN_SHEET]
    yield Path(_OWN_SHEET).name, b"\n".join(sheet.read_bytes() for sheet in sheets)
    yield Path(_SCRIPT).name, (static / _SCRIPT).read_bytes()
    told = {"format": FORMAT, "salt": stretch.salt.hex(), "iterations": stretch.iterations}
    yield TOLD, canonical_json(told).encode()


def _put(path: Path, content: bytes) -> bool:
    """Write a file whole where it is not so already; say whether it was written."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    arriving = path.with_name(f"{path.name}.part")
    arriving.write_bytes(content)
    arriving.replace(path)
    return True
