"""`cbt bank`: bring item banks in, check them, show them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from flask_babel import gettext as _

from cbt.bank import service
from cbt.bank.formats import registry
from cbt.bank.formats.text.reading import bank_folders, read_folder
from cbt.bank.imports.review import Review
from cbt.bank.imports.texts import note
from cbt.bank.items.show import shown_items
from cbt.bank.lint.check import check_items
from cbt.bank.lint.whole import across_levels
from cbt.bank.units import unit_plans
from cbt.config import read_settings
from cbt.errors import InvalidInput
from cbt.sheets.findings import Finding, Place, Severity, counts
from cbt.web.cli import print_json, with_app
from cbt.web.i18n import catalogues

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
EITHER = click.Path(exists=True, path_type=Path)


@click.group(help="题库 · Item banks.")
def bank() -> None:
    """Group the bank commands."""


@bank.command("lint", help="检查文本题库 · Check text banks and print every finding.")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="以 JSON 输出 · Print JSON.")
def lint(folder: Path, as_json: bool) -> None:
    """Check one bank, or every bank of a folder, also against each other; exit with 2 on an error."""
    findings: list[Finding] = []
    checked = []
    for each in bank_folders(folder):
        found = read_folder(each)
        assert found.taxonomy is not None
        units = unit_plans(read_settings().blueprint_dir / f"{each.resolve().name}.toml")
        done = check_items(found.items, found.taxonomy, where=Place(str(each)), units=units)
        findings += [*found.findings, *done.findings]
        checked.append(done.items)
    findings += across_levels(checked)
    with catalogues():
        _print_findings(findings, as_json=as_json)
    if counts(findings)[Severity.ERROR]:
        sys.exit(2)


@bank.command("import", help="导入题库（表格或文本题库文件夹） · Import a workbook or a text bank.")
@click.argument("path", type=EITHER)
@click.option("--bank", "bank_ref", default="", help="题库编号 · The bank's ref.")
@click.option("--dry-run", is_flag=True, help="只检查，不入库 · Check only, store nothing.")
@click.option("--partial", is_flag=True, help="跳过有错误的试题 · Leave out items with errors.")
@click.option("--json", "as_json", is_flag=True, help="以 JSON 输出 · Print JSON.")
@with_app
def import_(path: Path, bank_ref: str, dry_run: bool, partial: bool, as_json: bool, now: datetime) -> None:
    """Import a file as a whole or not at all; exit with 2 when an error keeps it out."""
    try:
        made = service.import_bank(
            path, bank_ref=bank_ref, now=now, actor="cli", dry_run=dry_run, partial=partial
        )
    except InvalidInput as error:
        refused = error.params.get("review")
        if not isinstance(refused, Review):
            raise
        _print_review(refused, as_json=as_json, stored=False)
        sys.exit(2)
    _print_review(made, as_json=as_json, stored=not dry_run)
    if made.errors and dry_run:
        sys.exit(2)


@bank.command("show", help="输出整个文本题库 · Print a whole text bank.")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, required=True, help="以 JSON 输出 · Print JSON.")
def show(folder: Path, as_json: bool) -> None:
    """Print every item of a text bank, keys included, as one JSON array."""
    print_json([item for each in bank_folders(folder) for item in shown_items(read_folder(each).items)])


@bank.command("template", help="生成导入用的空白表格 · Write an empty workbook to fill in.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def template(file: Path) -> None:
    """Write the workbook of the 国标 11 columns with instructions; an existing file is kept."""
    if file.exists():
        raise InvalidInput("bank.file_exists", path=str(file))
    with catalogues():
        file.write_bytes(registry.template_for(file.name))
        click.echo(_("bank.template.written", path=str(file)))


def _print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        print_json({"findings": [_as_json(found) for found in findings], **_totals(findings)})
        return
    for found in findings:
        said = note(found)
        click.echo(f"{said.place}: {said.severity_label}: {said.why}")
        click.echo(f"    {said.fix}")
    click.echo(_("bank.lint.totals", **_totals(findings)))


def _print_review(made: Review, *, as_json: bool, stored: bool) -> None:
    figures = {
        "added": made.added,
        "changed": made.changed,
        "skipped": made.skipped,
        "blocked": made.blocked,
    }
    if as_json:
        listed = [_as_json(found) for found in made.findings]
        print_json({"stored": stored, **figures, "findings": listed, **_totals(made.findings)})
        return
    _print_findings(made.findings, as_json=False)
    click.echo(_("bank.import.stored" if stored else "bank.import.not_stored", **figures))


def _totals(findings: Sequence[Finding]) -> dict[str, int]:
    return {level.value: count for level, count in counts(list(findings)).items()}


def _as_json(found: Finding) -> dict[str, object]:
    said = note(found)
    return {
        "severity": said.severity.value,
        "code": found.code,
        "place": str(said.place),
        "sheet": said.place.sheet,
        "row": said.place.line,
        "column": said.place.column,
        "value": said.value,
        "why": said.why,
        "fix": said.fix,
    }


commands: list[click.Command] = [bank]
