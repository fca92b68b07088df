"""The `bank` commands: import, export, lint, read, show and template; findings as lines or as JSON.

`work` is the process of one check: a server starts it for a brought file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from cbt.bank import exports, service
from cbt.bank.exports import left_lines
from cbt.bank.imports.plan import EVERYWHERE, PLAINLY, ImportedItem, ImportTerms, Mode, Review
from cbt.bank.lint import page as texts
from cbt.bank.lint.check import UnitPlan, check_items
from cbt.bank.lint.guess_rate import GuessRate, guess_findings, guess_rates
from cbt.bank.lint.whole_bank import across_levels
from cbt.blueprints.store import load_blueprint_file
from cbt.config import read_settings
from cbt.console.command import EITHER, FOLDER, NEW_FILE, argument, command, group, option
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer, Progress, align
from cbt.console.texts import explain
from cbt.console.texts import text as _
from cbt.errors import CbtError, InvalidInput
from cbt.http.app_context import with_app
from cbt.http.i18n import catalogues
from cbt.interchange import registry
from cbt.interchange.text_bank import bank_folders, read_folder
from cbt.interchange.upload import FileReading, read_paired
from cbt.items.draft import Inferred, ItemDraft, Reading
from cbt.items.finding_texts import inferred_choice, note
from cbt.items.types.registry import authoring_of
from cbt.rules.items.inputs import COMMON, number
from cbt.rules.items.registry import TYPES
from cbt.rules.states import ItemState
from cbt.spreadsheets.findings import Finding, Place, Severity, counts
from cbt.storage.private_files import open_private
from cbt.storage.write_queue.change_set import join_writing


def told(findings: Sequence[Finding]) -> list[str]:
    notes = [note(found) for found in findings]
    pairs = [(f"{said.place}: {said.severity_label}: {said.why}", f"    {said.fix}") for said in notes]
    return [line for pair in pairs for line in pair]


def total(findings: Sequence[Finding]) -> str:
    return _("bank.lint.totals", **totals(findings))


def totals(findings: Sequence[Finding]) -> dict[str, int]:
    return {level.value: count for level, count in counts(list(findings)).items()}


def as_json(finding: Finding) -> dict[str, object]:
    """Return a finding for other programs."""
    shown = note(finding)
    return {
        "severity": shown.severity.value,
        "code": finding.code,
        "place": str(shown.place),
        "sheet": shown.place.sheet,
        "row": shown.place.line,
        "column": shown.place.column,
        "value": shown.value,
        "why": shown.why,
        "fix": shown.fix,
    }


def unit_plans(blueprint_file: Path) -> dict[int, UnitPlan]:
    """Return the minutes and points of every unit of a blueprint file; {} when there is no usable file.

    A bank is checked before its blueprint is written, and `cbt blueprint check` says what one lacks.
    """
    try:
        blueprint = load_blueprint_file(blueprint_file)
    except CbtError:
        return {}
    units = [unit for paper in blueprint.papers.values() for unit in paper.units]
    return {unit.number: UnitPlan(unit.minutes, unit.points) for unit in units}


def understood(reading: Reading) -> dict[str, Any]:
    """Return the format of a reading, what of it is only inferred, and its items: type, stem, choices, key.

    A key is true or false, letters, or text; the parts of a case are items of their own.
    """
    return {
        "format": reading.form,
        "inferred": [
            {"name": one.name, "value": one.value, "choices": list(one.choices), "items": one.count}
            for one in reading.inferred
        ],
        "items": [_item(part) for draft in reading.items for _prefix, part in draft.parts()],
    }


def _item(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": data.get("type"),
        "stem": data.get("stem"),
        "choices": list(data.get("choices", ())),
        "key": _key(data, authoring_of(data.get("type")).key_field),
    }


def _key(data: Mapping[str, Any], name: str) -> bool | str | None:
    """Return a key as true or false, or as text: blanks, pairs and steps joined by ；, spellings of one by |."""
    match data.get(name):
        case None | bool() | str() as key:
            return key
        case [*entries]:
            between = "—" if name == "pairs" else "|"
            return "；".join(
                between.join(map(str, entry)) if isinstance(entry, list | tuple) else str(entry)
                for entry in entries
            )
        case key:
            return str(key)


_SAID_ELSEWHERE = {"point", "answer", "parts"}
"""Fields an author writes that are shown under another name."""


def shown_items(drafts: Iterable[ItemDraft]) -> list[dict[str, Any]]:
    """Return each item with its ref, type, texts, answer_key, points, knowledge_point and difficulty.

    Fields a type does not have are null or left out; a case has its `parts` in the same shape. Theory
    items have no points of their own: the blueprint's section gives them.
    """
    return [{"ref": draft.ref, **_shown(draft.data)} for draft in drafts]


def _shown(data: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": data.get("type"),
        "stem": data.get("stem"),
        "stimulus": data.get("stimulus"),
        "choices": data.get("choices"),
        "answer_key": data.get(authoring_of(data.get("type")).key_field),
        "points": data.get("points"),
        "knowledge_point": data.get("point"),
        "difficulty": data.get("difficulty"),
        "explanation": data.get("explanation"),
        "enemies": data.get("enemies", []),
    }
    kind = TYPES.get(str(data.get("type")))
    own = (kind.fields if kind else COMMON) - _SAID_ELSEWHERE - shown.keys()
    shown |= {key: value for key, value in data.items() if key in own}
    if "parts" in data:
        shown["parts"] = [_shown(part) for part in data["parts"]]
        worths = [number(part["points"]) or Decimal(0) for part in shown["parts"]]
        shown["points"] = f"{sum(worths, Decimal(0)):f}"
    return shown


_ARRIVALS = (ItemState.REVIEWED, ItemState.IN_REVIEW, ItemState.DRAFT)


@command("import", help="bank.cli.import")
@argument("paths", type=EITHER, nargs=-1, required=True, help="bank.cli.path")
@option("--bank", "bank_ref", default="", metavar="REF", help="bank.cli.ref")
@option("--mode", type=click.Choice([mode.value for mode in Mode]), default="update", help="bank.cli.mode")
@option(
    "--state", type=click.Choice([one.value for one in _ARRIVALS]), default="reviewed", help="bank.cli.state"
)
@option("--point", "points", multiple=True, metavar="CODE", help="bank.cli.point")
@option("--adjust", multiple=True, metavar="NAME=VALUE", help="bank.cli.adjust")
@option("--understood", is_flag=True, help="bank.cli.understood")
@option("--partial", is_flag=True, help="bank.cli.partial")
@option("--no-near", "without_near", is_flag=True, help="bank.cli.no_near")
@option("--dry-run", is_flag=True, help="bank.cli.dry_run")
@with_app
def import_(
    paths: tuple[Path, ...], bank_ref: str, understood: bool, dry_run: bool, now: datetime, **options: Any
) -> Answer:
    """Import files as a whole or not at all; exit with 2 when an error keeps them out."""
    terms = _terms(**options)
    join_writing()
    try:
        with Progress() as progress:
            made = service.import_bank(
                *paths,
                bank_ref=bank_ref,
                now=now,
                actor="cli",
                dry_run=dry_run,
                terms=terms,
                understood=understood,
                tell=lambda what, done, count: progress.tell(_stand(what, done, count)),
            )
    except InvalidInput as error:
        refused = error.params.get("review")
        if not isinstance(refused, Review):
            raise
        return _reviewed(refused, stored=False, code=REFUSED)
    return _reviewed(made, stored=not dry_run, code=REFUSED if made.errors and dry_run else DONE)


def _terms(
    *,
    mode: str,
    state: str,
    points: Sequence[str],
    adjust: Sequence[str],
    partial: bool,
    without_near: bool,
) -> ImportTerms:
    return replace(
        PLAINLY,
        mode=Mode(mode),
        state=ItemState(state),
        points=dict(_pair(one, EVERYWHERE) for one in points),
        adjust=dict(_pair(one) for one in adjust),
        partial=partial,
        near=not without_near,
    )


def _pair(typed: str, name: str | None = None) -> tuple[str, str]:
    """Return NAME=VALUE as a pair; a value alone goes by `name`, where there is one."""
    head, sign, value = typed.rpartition("=")
    if not sign and name is None:
        raise InvalidInput("bank.adjust_pair", given=typed)
    return (head, value) if sign else (name or "", typed)


def _stand(what: str, done: int, count: int) -> str:
    label = _(f"bank.progress.{what}")
    return f"{label} {_('bank.progress.count', done=done, total=count)}" if count else label


def _reviewed(made: Review, *, stored: bool, code: int) -> Answer:
    figures = {
        "added": made.added,
        "changed": made.changed,
        "skipped": made.skipped,
        "blocked": made.blocked,
    }
    data = {
        "stored": stored,
        **figures,
        "format": made.reading.form,
        "inferred": [_inferred_data(one) for one in made.reading.inferred],
        "items": [_entry_data(entry) for entry in made.entries],
        "findings": [as_json(found) for found in made.findings],
        **totals(made.findings),
    }
    done = _("bank.import.stored" if stored else "bank.import.not_stored", **figures)
    inferred = [_inferred_line(one) for one in made.reading.inferred]
    head = [_("bank.cli.inferred"), *inferred] if inferred else []
    return Answer(data, [*told(made.findings), *head, total(made.findings), done], code=code)


def _inferred_data(inferred: Inferred) -> dict[str, object]:
    return {
        "name": inferred.name,
        "value": inferred.value,
        "choices": list(inferred.choices),
        "items": inferred.count,
    }


def _inferred_line(inferred: Inferred) -> str:
    what = _(f"bank.inferred.{inferred.code}", **inferred.params)
    if inferred.open:
        answers = " | ".join(f"{one}: {inferred_choice(inferred, one)}" for one in inferred.choices)
        return f"    {inferred.name}=?  {what} {answers}"
    return f"    {inferred.name}={inferred.value}  {what} {inferred_choice(inferred, inferred.value)}"


def _entry_data(entry: ImportedItem) -> dict[str, object]:
    near = entry.near
    return {
        "ref": entry.ref,
        "action": entry.action.value,
        "place": str(entry.place),
        "near": None if near is None else {"other": near.other or str(near.place), "percent": near.percent},
    }


def _forms() -> Sequence[str]:
    return list(registry.out_forms())


@command("export", help="bank.cli.export")
@argument("bank_ref", metavar="BANK", help="bank.cli.ref")
@argument("file", type=NEW_FILE, help="bank.cli.export_file")
@option("--form", type=click.Choice(_forms()), default="common", show_default=True, help="bank.cli.form")
@option("--drawn", is_flag=True, help="bank.cli.drawn")
@with_app
def export(bank_ref: str, file: Path, form: str, drawn: bool, now: datetime) -> Answer:
    """Write a bank into a file; the file is its owner's only, for the keys are in it."""
    try:
        with Progress() as progress:

            def on_progress(done: int, of: int) -> None:
                if done and done % 100 == 0:
                    progress.tell(_("bank.export.progress", done=done, of=of))

            with os.fdopen(open_private(file, os.O_RDWR | os.O_EXCL), "w+b") as target:
                made = exports.export_bank(
                    target, bank_ref=bank_ref, form=form, now=now, actor="cli", drawn=drawn, told=on_progress
                )
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    left = [{"ref": one.ref, "type": one.type, "fields": list(one.fields)} for one in made.left]
    data = {"bank": made.ref, "form": form, "file": file, "written": made.written, "left": left}
    words = [_("bank.export.written", count=made.written, file=str(file)), *left_lines(made.left)]
    return Answer(data, words)


STEM = 40
"""So much of a stem stands in a line."""


@group("bank", help="bank.cli.bank")
def bank() -> None:
    """Group the bank commands."""


bank.add_command(export)
bank.add_command(import_)


@bank.command("lint", help="bank.cli.lint")
@argument("folder", type=FOLDER, help="bank.cli.folder")
@option("--guess", "guessed", is_flag=True, help="bank.cli.guess")
def lint(folder: Path, guessed: bool) -> Answer:
    """Check one bank, or every bank of a folder, also against each other; exit with 2 on an error."""
    findings: list[Finding] = []
    checked = []
    rates: list[tuple[str, list[GuessRate]]] = []
    for each in bank_folders(folder):
        reading = read_folder(each)
        assert reading.taxonomy is not None
        units = unit_plans(read_settings().blueprint_dir / f"{each.resolve().name}.toml")
        done = check_items(reading.items, reading.taxonomy, where=Place(str(each)), units=units)
        rates.append((each.resolve().name, guess_rates(done.items)))
        findings += [*reading.findings, *done.findings, *guess_findings(rates[-1][1], Place(str(each)))]
        checked.append(done.items)
    findings += across_levels(checked)
    if len(checked) > 1:
        rates.append(("", guess_rates(item for items in checked for item in items)))
        findings += guess_findings(rates[-1][1], Place(str(folder)))
    wrong = totals(findings)[Severity.ERROR]
    with catalogues():
        data = {"findings": [as_json(found) for found in findings], **totals(findings)}
        data["guess"] = [
            {"bank": name or None, "types": [texts.as_data(one) for one in found]} for name, found in rates
        ]
        words = [*told(findings), *_guesses(rates, details=guessed), total(findings)]
        return Answer(data, words, code=REFUSED if wrong else DONE)


@bank.command("read", help="bank.cli.read")
@argument("files", type=EITHER, nargs=-1, required=True, help="bank.cli.files")
def read(files: tuple[Path, ...]) -> Answer:
    """Say what is understood of each file, a document a file; nothing is stored and no database is asked.

    Exit with 2 when a file is refused or holds an error.
    """
    with catalogues():
        documents = _documents(files)
        words = [line for document in documents for line in _read_words(document)]
    wrong = any(
        one["refused"] or any(found["severity"] == Severity.ERROR for found in one["findings"])
        for one in documents
    )
    return Answer(documents, words, each=True, code=REFUSED if wrong else DONE)


@bank.command("show", help="bank.cli.show")
@argument("folder", type=FOLDER, help="bank.cli.folder")
def show(folder: Path) -> Answer:
    """List the items of a text bank; with `--json` whole and with their keys.

    Raise InvalidInput("bank.text_unreadable") with the first place that cannot be read: half a bank is none.
    """
    banks = [read_folder(each) for each in bank_folders(folder)]
    for finding in (one for each in banks for one in each.findings):
        if finding.severity is Severity.ERROR:
            raise InvalidInput("bank.text_unreadable", path=str(folder), place=str(finding.place))
    items = [item for each in banks for item in shown_items(each.items)]
    return Answer(items, align([_row(item) for item in items]))


@bank.command("template", help="bank.cli.template")
@argument("file", type=NEW_FILE, help="bank.cli.new_file")
def template(file: Path) -> Answer:
    """Write the workbook of the 国标 11 columns with instructions; an existing file is kept."""
    with catalogues():
        file.write_bytes(registry.template_for(file.name))
    return Answer({"file": file}, [_("bank.template.written", path=str(file))])


def _documents(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return a document a file; one that holds the keys of another says so."""
    if len(paths) == 1:
        return [_document(paths[0])]
    files: list[tuple[str, bytes | Path]] = []
    refused: dict[str, CbtError] = {}
    for path in paths:
        try:
            files.append((str(path), registry.content_of(path)))
        except InvalidInput as error:
            refused[str(path)] = error
    read = {one.name: one for one in read_paired(files)}
    read |= {name: FileReading(name, error=error) for name, error in refused.items()}
    return [
        _said(one.name, one.reading, one.error) | ({"keys_of": one.of} if one.of else {})
        for one in (read[str(path)] for path in paths)
    ]


def _document(path: Path) -> dict[str, Any]:
    try:
        reading = registry.read(registry.content_of(path), path.name)
    except CbtError as error:
        return _said(str(path), None, error)
    return _said(str(path), reading, None)


def _said(name: str, reading: Reading | None, error: CbtError | None) -> dict[str, Any]:
    if reading is None:
        nothing: dict[str, Any] = {"format": None, "inferred": [], "items": [], "findings": []}
        return {"file": name, **nothing, "refused": " ".join(explain(error)) if error else None}
    data = understood(reading)
    listed = [as_json(one) for one in reading.findings]
    wrong = next((one for one in listed if one["severity"] == Severity.ERROR), None)
    refused = f"{wrong['why']}{wrong['fix']}" if wrong is not None and not reading.items else None
    return {"file": name, **data, "refused": refused, "findings": listed}


def _read_words(document: Mapping[str, Any]) -> list[str]:
    if document["refused"] and not document["findings"]:
        return [f"{document['file']}: {document['refused']}"]
    if "keys_of" in document:
        return [f"{document['file']}: {_('bank.read.keys_of', name=document['keys_of'])}"]
    totals_line = _("bank.read.totals", format=document["format"], count=len(document["items"]))
    findings = [
        line
        for one in document["findings"]
        for line in (f"{one['place']}: {one['why']}", f"    {one['fix']}")
    ]
    return [f"{document['file']}: {totals_line}", *findings]


def _row(item: dict[str, Any]) -> list[str]:
    stem = " ".join(str(item["stem"] or item["stimulus"] or "").split())
    shown = stem if len(stem) <= STEM else stem[: STEM - 1] + "…"
    kind = str(item["type"] or "")
    kind_name = _(f"bank.type.{kind}") if kind in TYPES else kind
    return [item["ref"], kind_name, str(item["knowledge_point"] or ""), shown]


def _guesses(rates: Sequence[tuple[str, list[GuessRate]]], *, details: bool) -> Iterator[str]:
    for name, own_rates in rates:
        for rate in own_rates:
            yield texts.line(rate, name)
            if details:
                yield from texts.details(rate)


commands: list[click.Command] = [bank]
