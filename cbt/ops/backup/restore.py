"""The restore of a database into an empty place only: from a backup, or rebuilt from its second copy.

It leaves a note beside the database, which goes into the log as the server next begins: what was brought back may
be of an earlier version, or its keys may not be whole yet, and nothing can be written into its log before a start
has found both in order.

Source: I1, I8, R-64.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.chain import text_of
from cbt.audit.models import AuditEntry
from cbt.config import Settings
from cbt.errors import CbtError, Conflict, InvalidInput, Unavailable
from cbt.ops.backup.snapshot import (
    DatabaseFacts,
    Manifest,
    check_file,
    facts_of,
    read_facts,
    read_manifest,
    restore_postgres,
)
from cbt.ops.file_permissions import check_hands
from cbt.ops.host_resources import DataDirLock
from cbt.ops.preflight import STILLBORN, Database, find, is_empty
from cbt.releases import product_version
from cbt.storage.backup_folder import sync_folder
from cbt.storage.crypto import find_key, fingerprint, load_key, write_key, write_note
from cbt.storage.engine import DATABASE_NAME, database_path
from cbt.storage.log_times import Commit, commits_of, cut_at
from cbt.storage.migrate import is_known
from cbt.storage.mirror import (
    COPY_MANIFEST,
    CopySet,
    base_path,
    is_ours,
    log_path,
    logs_held,
    read_copy,
)
from cbt.storage.private_files import make_folder, open_private
from cbt.storage.raw_connection import DATABASE_ERRORS, open_raw
from cbt.storage.wal import apply_log

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back, and whether the personal key is the one the numbers were sealed with."""

    manifest: Manifest
    place: str
    personal_key_fits: bool
    log_key_fits: bool


def restore(
    settings: Settings, source: Path, *, into: Path | None = None, personal_lost: bool = False
) -> Restored:
    """Restore the backup in `source` into `into` (else the data folder), or into the empty PostgreSQL database.

    Everything is checked before anything is written: manifest, version, hash, kind of database, keys, that no
    server runs there, and that the place is empty. Raise InvalidInput, Conflict or Unavailable with the way out.
    With `personal_lost` it goes without `personal.key`; then `cbt key lost personal` is next. One made under a
    former key is found its key by the fingerprint, and comes back under the present one.
    """
    manifest = read_manifest(source)
    if not is_known(manifest.revision):
        raise Unavailable("safety.newer", version=manifest.version, installed=product_version())
    copy = check_file(source, manifest)
    installation = settings.keys
    if into is not None:
        settings = apart(settings, into)
    if (manifest.database == "sqlite") != settings.embedded:
        raise InvalidInput("safety.other_database", database=manifest.database)
    if settings.embedded and manifest.encrypted != settings.db_encryption:
        raise InvalidInput("safety.other_encryption", encrypted="on" if manifest.encrypted else "off")
    with keys_brought(installation, settings, manifest.keys):
        fits = check_keys(settings, manifest.keys, personal_lost=personal_lost, former=True)
    check_hands(settings, makes=True)
    DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, restore")
    if settings.embedded:
        facts = _restore_embedded(settings, copy, manifest)
        place = str(settings.data_dir)
    else:
        facts = restore_postgres(settings, copy)
        place = settings.database_url.rsplit("/", 1)[-1]
    if facts.counts != manifest.counts or facts.revision != manifest.revision:
        raise Unavailable("safety.counts", path=place)
    note_copied_keys(settings, manifest.keys)
    return Restored(manifest, place, fits, log_key_fits(settings, manifest.keys))


def apart(settings: Settings, into: Path) -> Settings:
    """Return the settings of a place apart: its keys lie beside it, never those of the installation in use."""
    return replace(settings, data_dir=into, key_dir=None)


@contextmanager
def keys_brought(installation: Path, settings: Settings, prints: Mapping[str, str]) -> Iterator[None]:
    """Copy into the key folder of `settings` what it lacks of the keys named, from that of the installation.

    They are found by their fingerprints, and taken away again when the block refuses. A file that is there stays.
    """
    brought = []
    for name, print_ in prints.items():
        path, key = settings.keys / f"{name}.key", find_key(installation, name, print_)
        if key is not None and not path.exists():
            write_key(path, key)
            brought.append(path)
    try:
        yield
    except CbtError:
        for path in brought:
            path.unlink()
        if brought and not any(settings.keys.iterdir()):
            settings.keys.rmdir()
        raise


def opening_key(settings: Settings, prints: Mapping[str, str]) -> bytes | None:
    """Return the key that a copy was made under, the present or a former one; None for a copy in clear."""
    return find_key(settings.keys, "database", prints["database"]) if "database" in prints else None


def bring_under_present_key(settings: Settings, path: Path, key: bytes | None) -> None:
    """Encrypt what was brought under the present `database.key`, where it came under a former `key`."""
    present = None if key is None else load_key(settings.keys, "database", may_create=False)
    if key is None or present is None or present == key:
        return
    try:
        with closing(open_raw(path, key)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute(f"PRAGMA rekey = \"x'{present.hex()}'\"")
    except DATABASE_ERRORS as error:
        raise Unavailable("copy.damaged", path=str(path)) from error
    check_whole(path, present, path.parent)


def check_keys(
    settings: Settings, prints: Mapping[str, str], *, personal_lost: bool = False, former: bool = False
) -> bool:
    """Require the keys a copy needs, by their fingerprints; return whether the personal key is its own.

    With `former` a former database key that is kept in the key folder will do.

    Raise Unavailable("db.key_missing") for a key that is not there, ("safety.personal_missing") for a personal
    key that is not said to be lost, ("safety.other_key") for a database key that opens another database. A wrong
    personal key loses the numbers and nothing else, so it is told, not refused.
    """
    fits = True
    for name, print_ in prints.items():
        if name == "audit":
            continue  # see log_key_fits
        path = settings.keys / f"{name}.key"
        if name == "personal" and not path.is_file():
            if not personal_lost:
                raise Unavailable("safety.personal_missing", path=str(path), wanted=print_)
            fits = False
            continue
        same = fingerprint(load_key(settings.keys, name, may_create=False)) == print_
        if not same and name == "database" and not (former and find_key(settings.keys, name, print_)):
            raise Unavailable("safety.other_key", path=str(path), wanted=print_)
        fits = fits and (same or name == "database")
    return fits


def log_key_fits(settings: Settings, prints: Mapping[str, str]) -> bool:
    """Return whether the log's key is the one a copy names; it is needed to go on, not to bring the copy back."""
    if "audit" not in prints:
        return True
    path = settings.keys / "audit.key"
    return (
        path.is_file() and fingerprint(load_key(settings.keys, "audit", may_create=False)) == prints["audit"]
    )


def check_empty(folder: Path) -> None:
    """Raise Conflict("safety.not_empty") when there is anything in a data folder but its locks."""
    if not is_empty(folder):
        raise Conflict("safety.not_empty", path=str(folder))


def set_stillborn_aside(settings: Settings) -> None:
    """Put a database file that never held anything under another name, and with it what lies beside it."""
    remains = find(settings)
    if remains.database is not Database.STILLBORN or remains.log_left:
        return
    path = database_path(settings)
    number = 1 + sum(1 for _ in path.parent.glob(f"{STILLBORN}-*"))
    for suffix in ("-wal", "-shm", ""):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(path.with_name(f"{STILLBORN}-{number}{suffix}"))


def note_copied_keys(settings: Settings, prints: Mapping[str, str]) -> None:
    """Write beside an embedded database that was brought back which keys its copy named."""
    if settings.embedded:
        path = database_path(settings)
        names = {name: print_ for name, print_ in prints.items() if name != "audit"}
        if "database" in names:
            names["database"] = fingerprint(load_key(settings.keys, "database", may_create=False))
        write_note(path, names)


def _restore_embedded(settings: Settings, copy: Path, manifest: Manifest) -> DatabaseFacts:
    folder = settings.data_dir
    set_stillborn_aside(settings)
    check_empty(folder)
    needed = manifest.bytes
    if shutil.disk_usage(folder).free < needed:
        raise Unavailable("safety.no_room", path=str(folder), detail=f"{needed} B")
    arriving = folder / f"{DATABASE_NAME}.arriving"
    try:
        if copy_file(copy, arriving) != manifest.sha256:
            raise Unavailable("safety.damaged", path=str(copy))
        key = opening_key(settings, manifest.keys)
        facts = read_facts(arriving, key)
        bring_under_present_key(settings, arriving, key)
        arriving.rename(database_path(settings))
    except OSError as error:
        raise Unavailable("safety.no_room", path=str(folder), detail=error) from error
    finally:
        arriving.unlink(missing_ok=True)
    return facts


def copy_file(source: Path, target: Path) -> str:
    """Copy a file, on disk when this returns, and return the sha256 of what was copied."""
    sealed = hashlib.sha256()
    descriptor = open_private(target, os.O_WRONLY | os.O_EXCL)
    with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        while chunk := reader.read(_CHUNK):
            sealed.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return sealed.hexdigest()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was rebuilt: where, what it holds, and whether everything of the copy is in it."""

    place: str
    facts: DatabaseFacts
    torn: bool
    """The last transaction of the copy was not whole; one that was acknowledged always is."""
    damaged: str
    """The file behind whose damage nothing was taken; "" when there is none."""
    personal_key_fits: bool
    log_key_fits: bool
    until: datetime | None = None
    """When the last commit in it was made, where a moment was asked for."""
    aside: str = ""
    """Where the copy lies now that it holds more than the database."""


def rebuild(
    settings: Settings,
    folder: Path,
    *,
    into: Path | None = None,
    up_to_damage: bool = False,
    personal_lost: bool = False,
    at: datetime | None = None,
) -> Rebuilt:
    """Rebuild the database from the second copy in `folder` into `into`, else the data folder.

    Everything is checked before the database has its name: manifest, keys, that no server runs there, that
    the place is empty, that no log is missing or damaged, that SQLite finds the result whole. With
    `up_to_damage` a damaged or missing log ends the rebuilding instead of refusing it; `personal_lost` is
    that of `restore`. With `at` it ends with the last commit up to that moment; in place, the copy is then put
    aside in its folder, since it holds more than the database that is to be followed next.

    Raise InvalidInput, Conflict or Unavailable with the way out.
    """
    copy = read_copy(folder) if folder.is_dir() else None
    if copy is None:
        raise InvalidInput("copy.none", path=str(folder))
    if not settings.embedded:
        raise InvalidInput("copy.embedded_only")
    installation = settings.keys
    if into is not None:
        settings = apart(settings, into)
    if copy.encrypted != settings.db_encryption:
        raise InvalidInput("safety.other_encryption", encrypted="on" if copy.encrypted else "off")
    with keys_brought(installation, settings, copy.keys):
        fits = check_keys(settings, copy.keys, personal_lost=personal_lost, former=True)
    check_hands(settings, makes=True)
    DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, rebuild")
    set_stillborn_aside(settings)
    check_empty(settings.data_dir)
    cut = None if at is None else _cut(settings, folder, copy, at)
    aside = ""
    arriving = settings.data_dir / f"{DATABASE_NAME}.arriving"
    key = opening_key(settings, copy.keys)
    try:
        torn, damaged = _bring(folder, copy, arriving, key, up_to_damage=up_to_damage, cut=cut)
        facts = check_whole(arriving, key, folder)
        if not is_known(facts.revision):
            raise Unavailable("db.newer", revision=facts.revision, version=product_version())
        bring_under_present_key(settings, arriving, key)
        if cut is not None and into is None:
            aside = str(_put_aside(folder, cut.at))
        arriving.rename(database_path(settings))
        note_copied_keys(settings, copy.keys)
    except OSError as error:
        raise Unavailable("safety.no_room", path=str(settings.data_dir), detail=error) from error
    finally:
        for suffix in ("", "-wal", "-shm"):
            arriving.with_name(arriving.name + suffix).unlink(missing_ok=True)
    until = None if cut is None or damaged else cut.at
    place, log_fits = str(settings.data_dir), log_key_fits(settings, copy.keys)
    return Rebuilt(place, facts, torn, damaged, fits, log_fits, until, aside)


def _cut(settings: Settings, folder: Path, copy: CopySet, at: datetime) -> Commit:
    commits = list(commits_of(folder, logs_held(folder, copy), copy.closed))
    return cut_at(commits, at, ZoneInfo(settings.timezone))


def _put_aside(folder: Path, at: datetime) -> Path:
    """Move a copy into a folder within its own, its description last; return that folder."""
    name = f"until-{at:%Y%m%dT%H%M%SZ}"
    taken = sum(1 for _ in folder.glob(f"{name}*"))
    aside = folder / (f"{name}-{taken + 1}" if taken else name)
    make_folder(aside)
    ours = [path for path in folder.iterdir() if is_ours(path.name)]
    for path in sorted(ours, key=lambda path: path.name == COPY_MANIFEST):
        path.rename(aside / path.name)
    sync_folder(folder)
    return aside


def _bring(
    folder: Path, copy: CopySet, arriving: Path, key: bytes | None, *, up_to_damage: bool, cut: Commit | None
) -> tuple[bool, str]:
    """Copy the base and apply every log, up to the `cut`; return whether the last is torn, and the damaged file."""
    held = logs_held(folder, copy)
    if not held:
        raise Unavailable("copy.base_missing", path=str(folder))
    number = held.start
    base = base_path(folder, number)
    logs = [log_path(folder, one) for one in held if cut is None or one <= cut.log]
    needed = sum(path.stat().st_size for path in (base, *logs) if path.is_file())
    if shutil.disk_usage(arriving.parent).free < needed:
        raise Unavailable("safety.no_room", path=str(arriving.parent), detail=f"{needed} B")
    copy_file(base, arriving)
    for log in logs:
        if not log.is_file():
            if up_to_damage:
                return False, str(log)
            raise Unavailable("copy.log_missing", path=str(log))
        try:
            frames = cut.frames if cut is not None and number == cut.log else None
            applied = apply_log(arriving, log, key, frames=frames)
        except DATABASE_ERRORS as error:
            raise Unavailable("copy.damaged", path=str(base)) from error
        if frames is not None and applied.frames == frames:
            break
        newest = frames is None and number == copy.newest
        if applied.whole if newest else applied.frames == copy.closed.get(str(number)):
            number += 1
            continue
        # The end of the newest may be torn: the power went while it was copied, before anybody was told.
        # More than one transaction is never on its way.
        if newest and applied.commits_left_out <= 1:
            return True, ""
        if not up_to_damage:
            raise Unavailable("copy.damaged", path=str(log))
        return False, str(log)
    return False, ""


def check_whole(path: Path, key: bytes | None, folder: Path) -> DatabaseFacts:
    """Return what a database holds; raise Unavailable("copy.damaged") with `folder` when it is not whole."""
    try:
        with closing(open_raw(path, key)) as connection:
            wrong = connection.execute("PRAGMA cipher_integrity_check").fetchall() if key else []
            wrong += [row for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
            wrong += connection.execute("PRAGMA foreign_key_check").fetchall()
            facts = facts_of(connection)
    except DATABASE_ERRORS as error:
        raise Unavailable("copy.damaged", path=str(folder)) from error
    if wrong:
        raise Unavailable("copy.damaged", path=str(folder))
    return facts


RESTORED = "system.restore"
NAME = "restored.json"


def leave_note(
    data_dir: Path, *, way: str, source: Path | None, now: datetime, until: datetime | None = None
) -> None:
    """Write down what a restore brought into `data_dir` and when; `until`: its last commit, for one to a moment.

    `way` is `backup`, `copy` or `rescue`; of `source` the folder's name is kept, not where it lies.
    """
    note: dict[str, Any] = {
        "restored_from": way,
        "restored_folder": source.name if source else "",
        "restored_at": now.isoformat(),
    }
    if until is not None:
        note["last_commit_at"] = until.isoformat()
    descriptor = open_private(data_dir / NAME, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(note, file)
        file.flush()
        os.fsync(file.fileno())


def record_note(session: Session, data_dir: Path, *, now: datetime) -> None:
    """Put the note on record, once; one that nobody can read is put on record without its particulars."""
    path = data_dir / NAME
    try:
        note = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return
    except ValueError:
        note = {}
    after = note if isinstance(note, dict) else {}
    last = session.scalar(
        select(AuditEntry.after).where(AuditEntry.act == RESTORED).order_by(AuditEntry.id.desc()).limit(1)
    )
    if last is None or last != text_of(after):  # else the start before was cut off behind its commit
        chain.record(session, at=now, actor="cli", act=RESTORED, subject="system:", after=after)


def forget_note(data_dir: Path) -> None:
    """Take the note away, once it is on record."""
    (data_dir / NAME).unlink(missing_ok=True)
