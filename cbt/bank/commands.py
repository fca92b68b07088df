"""`cbt bank`: bring item banks in, check them, show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cbt.bank.exports.commands import export
from cbt.bank.formats import registry
from cbt.bank.formats.paired import Brought, read_paired
from cbt.bank.formats.text.reading import bank_folders, read_folder
from cbt.bank.imports.commands import import_, work
from cbt.bank.imports.drafts import Reading
from cbt.bank.imports.understood import understood
from cbt.bank.items.show import shown_items
from cbt.bank.lint.check import check_items
from cbt.bank.lint.guess import saying
from cbt.bank.lint.guess.rating import GuessRate, guess_findings, guess_rates
from cbt.bank.lint.whole import across_levels
from cbt.bank.telling import as_json, told, total, totals
from cbt.bank.units import unit_plans
from cbt.config import read_settings
from cbt.console.columns import align
from cbt.console.ends import DONE, REFUSED
from cbt.console.kinds import EITHER, FOLDER, NEW_FILE
from cbt.console.saying import Answer
from cbt.console.texts import explain
from cbt.console.texts import text as _
from cbt.console.tree import argument, group, option
from cbt.errors import CbtError, InvalidInput
from cbt.rules.items.registry import TYPES
from cbt.sheets.findings import Finding, Place, Severity
from cbt.web.i18n import catalogues

STEM = 40
"""So much of a stem stands in a line."""


@group("bank", help="bank.cli.bank")
def bank() -> None:
    """Group the bank commands."""


bank.add_command(export)
bank.add_command(import_)
bank.add_command(work)


@bank.command("lint", help="bank.cli.lint")
@argument("folder", type=FOLDER, help="bank.cli.folder")
@option("--guess", "guessed", is_flag=True, help="bank.cli.guess")
def lint(folder: Path, guessed: bool) -> Answer:
    """Check one bank, or every bank of a folder, also against each other; exit with 2 on an error."""
    findings: list[Finding] = []
    checked = []
    rates: list[tuple[str, list[GuessRate]]] = []
    for each in bank_folders(folder):
        found = read_folder(each)
        assert found.taxonomy is not None
        units = unit_plans(read_settings().blueprint_dir / f"{each.resolve().name}.toml")
        done = check_items(found.items, found.taxonomy, where=Place(str(each)), units=units)
        rates.append((each.resolve().name, guess_rates(done.items)))
        findings += [*found.findings, *done.findings, *guess_findings(rates[-1][1], Place(str(each)))]
        checked.append(done.items)
    findings += across_levels(checked)
    if len(checked) > 1:
        rates.append(("", guess_rates(item for items in checked for item in items)))
        findings += guess_findings(rates[-1][1], Place(str(folder)))
    wrong = totals(findings)[Severity.ERROR]
    with catalogues():
        data = {"findings": [as_json(found) for found in findings], **totals(findings)}
        data["guess"] = [
            {"bank": name or None, "types": [saying.as_data(one) for one in found]} for name, found in rates
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
    for found in (one for each in banks for one in each.findings):
        if found.severity is Severity.ERROR:
            raise InvalidInput("bank.text_unreadable", path=str(folder), place=str(found.place))
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
    read |= {name: Brought(name, error=error) for name, error in refused.items()}
    return [
        _said(one.name, one.reading, one.error) | ({"keys_of": one.of} if one.of else {})
        for one in (read[str(path)] for path in paths)
    ]


def _document(path: Path) -> dict[str, Any]:
    try:
        found = registry.read(registry.content_of(path), path.name)
    except CbtError as error:
        return _said(str(path), None, error)
    return _said(str(path), found, None)


def _said(name: str, found: Reading | None, error: CbtError | None) -> dict[str, Any]:
    if found is None:
        nothing: dict[str, Any] = {"format": None, "inferred": [], "items": [], "findings": []}
        return {"file": name, **nothing, "refused": " ".join(explain(error)) if error else None}
    said = understood(found)
    listed = [as_json(one) for one in found.findings]
    wrong = next((one for one in listed if one["severity"] == Severity.ERROR), None)
    refused = f"{wrong['why']}{wrong['fix']}" if wrong is not None and not found.items else None
    return {"file": name, **said, "refused": refused, "findings": listed}


def _read_words(document: Mapping[str, Any]) -> list[str]:
    if document["refused"] and not document["findings"]:
        return [f"{document['file']}: {document['refused']}"]
    if "keys_of" in document:
        return [f"{document['file']}: {_('bank.read.keys_of', name=document['keys_of'])}"]
    told = _("bank.read.totals", format=document["format"], count=len(document["items"]))
    findings = [
        line
        for one in document["findings"]
        for line in (f"{one['place']}: {one['why']}", f"    {one['fix']}")
    ]
    return [f"{document['file']}: {told}", *findings]


def _row(item: dict[str, Any]) -> list[str]:
    stem = " ".join(str(item["stem"] or item["stimulus"] or "").split())
    shown = stem if len(stem) <= STEM else stem[: STEM - 1] + "…"
    kind = str(item["type"] or "")
    known = _(f"bank.type.{kind}") if kind in TYPES else kind
    return [item["ref"], known, str(item["knowledge_point"] or ""), shown]


def _guesses(rates: Sequence[tuple[str, list[GuessRate]]], *, details: bool) -> Iterator[str]:
    for name, found in rates:
        for one in found:
            yield saying.line(one, name)
            if details:
                yield from saying.details(one)


commands: list[click.Command] = [bank]
