"""`cbt form …` and `cbt blueprint check`, which can prove that a paper can be drawn from a bank."""

from __future__ import annotations

import random
import sys
from datetime import datetime
from itertools import combinations
from pathlib import Path
from statistics import fmean

import click
from flask_babel import gettext as _

from cbt.assembly.steps import draw_content
from cbt.assembly.text_bank import TextBank, read_text_bank
from cbt.bank.store import bank_by_ref, bank_revision
from cbt.db.unit_of_work import reading
from cbt.errors import CbtError, NotFound
from cbt.exams.commands import blueprint, print_blueprint, print_reasons, print_refusal
from cbt.exams.reasons.spec import REASONS_FILE
from cbt.exams.store import blueprint_of, current_version
from cbt.rules.assembly.form import draw_form, shortfalls
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.web.cli import print_json, with_app
from cbt.web.i18n import catalogues


@click.group("form", help="试卷：试抽与查看 · Draw and show forms.")
def form() -> None:
    """Group of the form commands."""


@form.command(
    "draw", help="按考核方案、题库和种子试抽一份试卷 · Draw one form; the same seed gives the same form."
)
@click.argument("blueprint")
@click.argument("paper", type=click.Choice(["theory", "skills"]))
@click.option("--seed", type=int, default=None, help="种子，缺省为随机 · seed, random when left out")
@click.option("--json", "as_json", is_flag=True, help="机器可读输出 · machine-readable output")
@with_app
def draw(blueprint: str, paper: str, seed: int | None, as_json: bool, *, now: datetime) -> None:
    """Show one form without storing it; answer keys are not part of a form."""
    chosen = seed if seed is not None else random.SystemRandom().getrandbits(48)
    with reading() as session:
        version = current_version(session, blueprint)
        values = blueprint_of(session, version.id)
        if paper not in values.papers:
            raise NotFound("blueprint.no_paper", paper=paper)
        bank = bank_by_ref(session, values.bank)
        revision = bank_revision(session, bank.id)
        content = draw_content(session, version.id, paper, seed=chosen)
    sealed = digest(canonical_json(content))
    if as_json:
        print_json(
            {"seed": chosen, "blueprint": blueprint, "bank_revision": revision, "sha256": sealed, **content}
        )
        return
    click.echo(f"{values.occupation_name}（{values.level_name}） {values.papers[paper].name}")
    count = len(content["positions"])
    click.echo(_("assembly.drawn", seed=chosen, bank=revision[:12], form=sealed[:12], count=count))
    for place in content["positions"]:
        part = "" if place["part"] is None else f"#{place['part'] + 1}"
        points = _("assembly.points", points=place["points"])
        click.echo(f"{place['position']:>4}  {place['item']}{part}  {place['type']}  {points}")


@blueprint.command(
    "check",
    help="核对考核方案、原因表和题库 · Check blueprints, reasons, and a bank with --bank.",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--bank",
    type=click.Path(path_type=Path),
    help="题库目录：证明试卷抽得出 · prove that the papers can be drawn",
)
def check(files: tuple[Path, ...], bank: Path | None) -> None:
    """Print the table of each paper; exit with 2 when a file does not add up or a paper cannot be drawn."""
    with catalogues():
        sound = True
        for path in files:
            if path.name == REASONS_FILE:
                sound = print_reasons(path) and sound
                continue
            found = print_blueprint(path)
            sound = found is not None and (bank is None or _drawable(found, bank)) and sound
    if not sound:
        sys.exit(2)


def _drawable(found: ExamBlueprint, folder: Path) -> bool:
    try:
        bank = read_text_bank(folder / found.bank if (folder / found.bank).is_dir() else folder)
    except CbtError as error:
        print_refusal(error)
        return False
    outcomes = [_paper_drawable(found, code, bank) for code in found.papers]
    return all(outcomes)


def _paper_drawable(found: ExamBlueprint, code: str, bank: TextBank) -> bool:
    paper = found.papers[code]
    missing = shortfalls(paper, bank.drawables, bank.weights)
    for one in missing:
        place = " ".join(part for part in (one.section, one.range) if part)
        figures = {"need": one.need, "have": one.have, "short": one.need - one.have}
        click.echo(_("exams.check.shortfall", paper=paper.name, place=place, **figures), err=True)
    if missing:
        return False
    try:
        draw_form(paper, bank.drawables, bank.weights, bank.importances, rng=random.Random(1))
    except CbtError as error:
        print_refusal(error)
        return False
    click.echo(_("exams.check.drawable", paper=paper.name, bank=bank.name))
    return True


@form.command("overlap", help="随机试卷两两重复的试题比例 · How much random papers share.")
@click.argument("blueprint_file", type=click.Path(path_type=Path))
@click.argument("paper")
@click.option("--bank", type=click.Path(path_type=Path), required=True, help="题库目录 · bank folder")
@click.option(
    "--forms", type=click.IntRange(min=2), default=40, show_default=True, help="抽卷份数 · papers drawn"
)
@click.option("--seed", default=1, show_default=True, help="种子 · seed")
def overlap(blueprint_file: Path, paper: str, bank: Path, forms: int, seed: int) -> None:
    """Print the mean and the largest share of items that two of the papers have in common."""
    with catalogues():
        found = print_blueprint(blueprint_file)
        if found is None:
            sys.exit(2)
        if paper not in found.papers:
            raise NotFound("blueprint.no_such_paper", ref=found.ref, paper=paper)
        text = read_text_bank(bank)
    rng = random.Random(seed)
    drawn = []
    for _number in range(forms):
        content = draw_form(found.papers[paper], text.drawables, text.weights, text.importances, rng=rng)
        drawn.append({place["item"] for place in content["positions"]})
    shares = [len(one & other) / len(one) for one, other in combinations(drawn, 2)]
    mean, most = f"{fmean(shares):.1%}", f"{max(shares):.1%}"
    with catalogues():
        click.echo(_("assembly.overlap", forms=forms, mean=mean, most=most))


commands: list[click.Command] = [form]
