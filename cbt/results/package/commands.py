"""`cbt package`: a signed package written, or verified on any machine: is it what an installation signed?

No database is asked. First the container, the manifest, the signature and the digests: where one fails
nothing else is believed. Then the chain of the log, the seals of the journals, the answers, the forms and the
figures. What a package says is read into values of a declared shape: what is not so is refused before it is
looked at.

Source: R-41, R-43, R-61, R-64.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import msgspec

from cbt.audit.chain import DIGITS, Head, entry_hash
from cbt.console.command import FILE, FOLDER, NEW_FILE, argument, group, option
from cbt.console.exits import DONE, NOT_PROVED, REFUSED
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.errors import Conflict, InvalidInput
from cbt.http.app_context import with_app
from cbt.results.package.container import (
    MANIFEST,
    MOST_BYTES,
    SIGNATURE,
    PackageManifest,
    listed,
    public_key,
    read_manifest,
    signed_text,
    unpack,
    write_package,
)
from cbt.results.package.members import answered
from cbt.results.package.signature import read_public, shown_print, signs
from cbt.results.sheet.outcome import Standing, balance_of
from cbt.runner.save.digest import is_seal
from cbt.storage.private_files import open_private


class PackagedFigures(msgspec.Struct, frozen=True):
    """The figures of a sitting or a room."""

    expected: int
    present: int
    absent: int
    violations: int


class PackagedSitting(msgspec.Struct, frozen=True):
    """sitting.json."""

    ref: str
    figures: PackagedFigures


class PackagedRoom(msgspec.Struct, frozen=True):
    """A room of rooms.json."""

    ref: str
    name: str
    figures: PackagedFigures


class PackagedPerson(msgspec.Struct, frozen=True):
    """A registration of people.json."""

    registration: str
    room: str
    standing: str
    attempt: str | None = None
    violation: str | None = None


class PackagedScore(msgspec.Struct, frozen=True):
    """A score of scores.json."""

    attempt: str
    journal: str


class PackagedForm(msgspec.Struct, frozen=True):
    """A form of forms.json."""

    form: str
    sha256: str


class PackagedPaper(msgspec.Struct, frozen=True):
    """papers/<attempt>.json."""

    attempt: str
    form: str
    journal: str
    answers: dict[str, str]
    sealed: str | None = None


class PackagedEntry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A line of audit.jsonl: whole, or of another sitting, the number and the hash only."""

    number: int
    hash: str
    before: str = ""
    at: str = ""
    fields: list[str] = []


@dataclass(frozen=True, slots=True)
class ReadPackage:
    """Everything a package says that is checked."""

    sitting: PackagedSitting
    rooms: list[PackagedRoom]
    people: list[PackagedPerson]
    scores: list[PackagedScore]
    forms: list[PackagedForm]
    papers: dict[str, PackagedPaper]
    entries: list[PackagedEntry]


def read_told(members: Mapping[str, bytes]) -> ReadPackage:
    """Return what the members say; raise InvalidInput("package.unreadable", member=…) for one that is not so."""
    papers = [name for name in members if name.startswith("papers/") and name.endswith(".json")]
    return ReadPackage(
        sitting=_read(members, "sitting.json", PackagedSitting),
        rooms=_read(members, "rooms.json", list[PackagedRoom]),
        people=_read(members, "people.json", list[PackagedPerson]),
        scores=_read(members, "scores.json", list[PackagedScore]),
        forms=_read(members, "forms.json", list[PackagedForm]),
        papers={name: _read(members, name, PackagedPaper) for name in papers},
        entries=_entries(members),
    )


def _read(members: Mapping[str, bytes], name: str, shape: Any) -> Any:
    try:
        return msgspec.json.decode(members[name], type=shape)
    except (KeyError, ValueError, RecursionError) as error:
        raise InvalidInput("package.unreadable", member=name) from error


def _entries(members: Mapping[str, bytes]) -> list[PackagedEntry]:
    try:
        return msgspec.json.Decoder(PackagedEntry).decode_lines(members["audit.jsonl"])
    except (KeyError, ValueError, RecursionError) as error:
        raise InvalidInput("package.unreadable", member="audit.jsonl") from error


MOST_NAMED = 5
_CLOSE = "attempt.close"


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at: whether it holds, and the values of its sentence."""

    code: str
    holds: bool
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a package; `manifest` is None where there is none to speak of."""

    findings: tuple[Checked, ...]
    manifest: PackageManifest | None

    @property
    def holds(self) -> bool:
        return self.manifest is not None and all(one.holds for one in self.findings)


def verify_file(path: Path, *, trusted: str = "", audit_key: bytes = b"") -> Verdict:
    """Return what holds of a file; one larger than any package is not read."""
    with path.open("rb") as file:
        body = file.read(MOST_BYTES + 1)
    return verify(body, trusted=trusted, audit_key=audit_key)


def verify(body: bytes, *, trusted: str = "", audit_key: bytes = b"") -> Verdict:
    """Return what holds of a package.

    `trusted` is the public key it has to be signed with; without one the signature shows only that nothing was
    changed since whoever signed it. With the installation's `audit.key` the entries are proved, too, and not only
    their order.
    """
    try:
        members = unpack(body) if len(body) <= MOST_BYTES else {}
        manifest = read_manifest(members[MANIFEST])
        signature = bytes.fromhex(members[SIGNATURE].decode("ascii"))
    except (InvalidInput, KeyError, ValueError, RecursionError):
        return Verdict((Checked("container", False, {}),), None)
    findings = [Checked("container", True, {"count": len(members)})]
    findings.append(
        Checked("signature", signs(manifest.key, signature, signed_text(members[MANIFEST])), {})
    )  # fmt: skip
    if trusted:
        findings.append(Checked("key", hmac.compare_digest(trusted, manifest.key), {}))
    rest = {name: one for name, one in members.items() if name not in (MANIFEST, SIGNATURE)}
    in_order = list(members)[:2] == [MANIFEST, SIGNATURE]
    findings.append(Checked("members", in_order and listed(rest) == manifest.members, {"count": len(rest)}))
    if all(one.holds for one in findings):
        findings += _inside(manifest, rest, audit_key)
    return Verdict(tuple(findings), manifest)


def _inside(manifest: PackageManifest, members: Mapping[str, bytes], audit_key: bytes) -> Iterator[Checked]:
    try:
        own_package = read_told(members)
        texts = {name: body.decode() for name, body in members.items() if name.endswith(".journal")}
    except UnicodeDecodeError:
        yield Checked("readable", False, {"member": ".journal"})
        return
    except InvalidInput as error:
        yield Checked("readable", False, error.params)
        return
    own = [one for one in own_package.entries if one.fields]
    yield Checked(
        "chain",
        _linked(own_package.entries, manifest.head),
        {"count": len(own_package.entries), "own": len(own)},
    )
    if audit_key:
        yield Checked("proved", all(_made_with(audit_key, one) for one in own), {"count": len(own)})
    for code, wrong, count in (
        ("journals", _journals(own_package, texts), len(own_package.papers)),
        (
            "sealed",
            _seals(own_package, own),
            sum(one.sealed is not None for one in own_package.papers.values()),
        ),
        ("answers", _answers(own_package, texts), len(own_package.papers)),
        ("forms", _forms(own_package, members), len(own_package.forms)),
        ("scores", _scores(own_package, texts), len(own_package.scores)),
        ("figures", _figures(own_package, manifest), len(own_package.people)),
    ):
        named = sorted(wrong)
        yield Checked(code, not named, {"count": count, "wrong": len(named), "names": named[:MOST_NAMED]})


def _linked(entries: list[PackagedEntry], head: str) -> bool:
    """Return whether no entry is missing between the first and the last, each follows on the one before, and the
    last is the head."""
    for entry, following in pairwise(entries):
        if following.number != entry.number + 1 or (following.fields and following.before != entry.hash):
            return False
    if not entries:
        return head == ""
    last = entries[-1]
    try:
        ended = str(Head(last.number, datetime.fromisoformat(last.at), last.hash[:DIGITS]))
    except ValueError:
        return False
    return ended == head


def _made_with(key: bytes, entry: PackagedEntry) -> bool:
    try:
        made = entry_hash(key, entry.before, entry.number, datetime.fromisoformat(entry.at), entry.fields)
    except (ValueError, OverflowError):
        return False
    return hmac.compare_digest(made, entry.hash)


def _journals(read_package: ReadPackage, texts: Mapping[str, str]) -> Iterator[str]:
    """Name the papers whose journal is not the one they tell of, or is there without a paper."""
    expected = {f"papers/{one.attempt}.journal" for one in read_package.papers.values()}
    yield from expected ^ texts.keys()
    for name, paper in read_package.papers.items():
        text = texts.get(f"papers/{paper.attempt}.journal", "")
        if name != f"papers/{paper.attempt}.json" or _sha256(text.encode()) != paper.journal:
            yield paper.attempt


def _seals(read_package: ReadPackage, own: list[PackagedEntry]) -> Iterator[str]:
    """Name the closed papers whose journal has not the digest that the log sealed at the closing. Source: R-64."""
    closed: dict[str, str] = {}
    for entry in own:
        if len(entry.fields) == 6 and entry.fields[1] == _CLOSE:
            closed[entry.fields[2].removeprefix("attempt:")] = _journal_of(entry.fields[5])
    for paper in read_package.papers.values():
        if paper.sealed is not None and closed.get(paper.attempt) != paper.sealed:
            yield paper.attempt


def _journal_of(after: str) -> str:
    try:
        return str(json.loads(after)["journal"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _answers(read_package: ReadPackage, texts: Mapping[str, str]) -> Iterator[str]:
    """Name the papers whose answers do not follow from their journal, or whose journal is not the sealed one."""
    for paper in read_package.papers.values():
        text = texts.get(f"papers/{paper.attempt}.journal", "")
        right = paper.sealed is None or _sealed_by(paper.sealed, text)
        if not right or answered(text) != paper.answers:
            yield paper.attempt


def _sealed_by(sealed: str, text: str) -> bool:
    try:
        return is_seal(sealed, text)
    except ValueError:  # no journal at all
        return False


def _forms(read_package: ReadPackage, members: Mapping[str, bytes]) -> Iterator[str]:
    """Name the forms that are not as they were frozen, and those that a paper was written on and are not there."""
    for form in read_package.forms:
        if _sha256(members.get(f"forms/{form.form}.json", b"")) != form.sha256:
            yield form.form
    yield from {one.form for one in read_package.papers.values()} - {one.form for one in read_package.forms}


def _scores(read_package: ReadPackage, texts: Mapping[str, str]) -> Iterator[str]:
    """Name the scores that were not worked out from the journal that is here."""
    for score in read_package.scores:
        if not _sealed_by(score.journal, texts.get(f"papers/{score.attempt}.journal", "")):
            yield score.attempt


def _figures(read_package: ReadPackage, manifest: PackageManifest) -> Iterator[str]:
    """Name the rooms whose figures are not those of their people. Source: R-61."""
    if manifest.sitting != read_package.sitting.ref or read_package.sitting.figures != _counted(
        read_package.people
    ):
        yield read_package.sitting.ref
    for room in read_package.rooms:
        if room.figures != _counted([one for one in read_package.people if one.room == room.name]):
            yield room.ref
    named = Counter(one.attempt for one in read_package.people if one.attempt is not None)
    yield from {one.attempt for one in read_package.papers.values()} ^ named.keys()


def _counted(people: list[PackagedPerson]) -> PackagedFigures | None:
    try:
        balance = balance_of(Standing(one.standing) for one in people)
    except ValueError:
        return None
    breaches = sum(one.violation is not None for one in people)
    return PackagedFigures(balance.expected, balance.present, balance.absent, breaches)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


_KEY_BYTES = 4096
"""No file that a key is read from is longer."""


@group("package", help="package.cli.package")
def package() -> None:
    """Hold the commands about result packages."""


@package.command("write", help="package.cli.write")
@argument("sitting", help="sittings.cli.ref")
@argument("folder", type=FOLDER, metavar="DIR", help="package.cli.folder")
@with_app
def write(sitting: str, folder: Path, *, now: datetime) -> Answer:
    """Write the package of a sitting that is over into a folder."""
    made = write_package(sitting, actor="cli", now=now)
    path = folder / made.name
    if path.exists() and path.read_bytes() != made.body:
        raise Conflict("package.file_there", path=str(path))
    _keep(path, made.body)
    print_ = shown_print(made.manifest.key)
    words = [
        _("package.written", path=path, count=len(made.manifest.members), bytes=len(made.body)),
        _("package.digest", sha256=made.sha256),
        _("package.by_key", print=print_),
    ]
    data = {"path": path, "sha256": made.sha256, "bytes": len(made.body), "head": made.manifest.head}
    return Answer({**data, "key": made.manifest.key, "fingerprint": print_}, words)


def _keep(path: Path, body: bytes) -> None:
    """Write a file whole or not at all, for its owner's eyes."""
    arriving = path.with_name(f"{path.name}.part")
    arriving.unlink(missing_ok=True)
    with os.fdopen(open_private(arriving, os.O_WRONLY | os.O_EXCL), "wb") as target:
        target.write(body)
        target.flush()
        os.fsync(target.fileno())
    arriving.replace(path)


@package.command("verify", help="package.cli.verify", ends=(DONE, REFUSED, NOT_PROVED))
@argument("file", type=FILE, help="package.cli.file")
@option("--key", "public", default="", metavar="PUB", help="package.cli.public")
@option("--audit-key", type=FILE, metavar="FILE", help="package.cli.audit_key")
def verify_command(file: Path, public: str, audit_key: Path | None) -> Answer:
    """Check a package without a database: exit 0 when all of it holds and the key is the expected one, 2 when not.

    Without a key to expect it ends with 3 (not proved): whoever changes a package can sign it anew.
    """
    trusted = _public(public) if public else ""
    proving = _start_of(audit_key) if audit_key is not None else b""
    outcome = verify_file(file, trusted=trusted, audit_key=proving)
    words, manifest = [], outcome.manifest
    if manifest is not None:
        about = (manifest.batch, manifest.name, manifest.centre, manifest.planned_start_at)
        words.append(_("package.about", about=" · ".join(about)))
        words.append(_("package.head", head=manifest.head))
        words.append(_("package.by_key", print=_print(manifest.key)))
    words += [_said(one) for one in outcome.findings]
    verdict, code = _ended(outcome, compared=bool(trusted))
    words.append(_(f"package.{verdict}"))
    manifest_data = None
    if manifest is not None:
        manifest_data = {**msgspec.to_builtins(manifest), "members": len(manifest.members)}
    findings = [asdict(one) for one in outcome.findings]
    return Answer(
        {
            "verdict": verdict,
            "holds": code == DONE,
            "compared": bool(trusted),
            "manifest": manifest_data,
            "findings": findings,
        },
        words,
        code=code,
    )


def _ended(verdict: Verdict, *, compared: bool) -> tuple[str, int]:
    """Return what is said of a package in one word, and the exit code."""
    if not verdict.holds:
        return "fails", REFUSED
    return ("holds", DONE) if compared else ("not_proved", NOT_PROVED)


@package.command("key", help="package.cli.key")
@option("--out", type=NEW_FILE, metavar="FILE", help="package.cli.out")
@option("--lost", is_flag=True, help="package.cli.lost")
@with_app
def key_command(out: Path | None, lost: bool, *, now: datetime) -> Answer:
    """Print the public key by which packages are checked elsewhere; makes the key where there is none yet."""
    public = public_key(actor="cli", now=now, anew=lost)
    if out is not None:
        out.write_text(f"ed25519:{public}\n", encoding="ascii")
    print_ = shown_print(public)
    words = [f"ed25519:{public}", _("package.print", print=print_)]
    return Answer({"key": public, "fingerprint": print_, "path": out}, words)


def _public(typed: str) -> str:
    """Return a public key that was typed, or that a file holds."""
    try:
        path = Path(typed)
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    return read_public(_start_of(path).decode("ascii", "replace") if is_file else typed)


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        body = file.read(_KEY_BYTES + 1)
    if len(body) > _KEY_BYTES:
        raise InvalidInput("package.key")
    return body


def _print(key: str) -> str:
    try:
        return shown_print(key)
    except ValueError:
        return "?"


def _said(checked: Checked) -> str:
    values = {**checked.values}
    if names := values.get("names"):
        values["names"] = ", ".join(map(str, names)) if isinstance(names, list) else names
    sentence = _(f"package.{checked.code}.{'holds' if checked.holds else 'fails'}", **values)
    return f"{'✓' if checked.holds else '✗'} {sentence}"


commands: list[click.Command] = [package]
