"""The `form` commands: draw, check and compare papers of a bank of text files, without a database."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from cbt.assembly.draw import draw_content
from cbt.bank.store import bank_by_ref, bank_revision
from cbt.blueprints.commands import blueprint, checked_blueprint, checked_reasons, refusal
from cbt.blueprints.reason_file import REASONS_FILE
from cbt.blueprints.store import blueprint_of, current_version, load_blueprint_file
from cbt.console.command import PATH, argument, group, option
from cbt.console.exits import REFUSED
from cbt.console.output import Answer, align
from cbt.console.texts import text as _
from cbt.errors import CbtError, InvalidInput, NotFound
from cbt.http.app_context import with_app
from cbt.http.i18n import catalogues
from cbt.interchange.text_bank import read_folder
from cbt.items.taxonomy import parent_of
from cbt.rules.assembly.form import Drawable, PaperSource, draw_form, drawable_of, shortfalls
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.exam import ExamBlueprint, Paper
from cbt.rules.items.registry import parse_content
from cbt.storage.unit_of_work import reading


@dataclass(frozen=True, slots=True)
class TextBank:
    """What a draw needs of a bank."""

    name: str
    drawables: list[Drawable]
    weights: Mapping[str, int]
    importances: Mapping[str, str]


def read_text_bank(folder: Path) -> TextBank:
    """Return the bank of `folder`.

    Raises NotFound("bank.no_folder") when it has no taxonomy.toml, and InvalidInput("bank.text_unreadable")
    with `path` and `place`, the first thing in it that cannot be read; `cbt bank lint` lists everything.
    """
    parsed = read_folder(folder)
    for wrong in parsed.findings:
        raise InvalidInput("bank.text_unreadable", path=str(folder), place=str(wrong.place))
    assert parsed.taxonomy is not None
    weights, importances = parsed.taxonomy.weights, parsed.taxonomy.importances
    drawables = []
    for draft in parsed.items:
        try:
            content = parse_content(draft.data)
        except InvalidInput as error:
            place = str(draft.place(str(error.params["field"])))
            raise InvalidInput("bank.text_unreadable", path=str(folder), place=place) from error
        drawables.append(
            drawable_of(
                content,
                ref=draft.ref,
                version=1,
                sha=digest(canonical_json(draft.data)),
                range_code=parent_of(content.point, weights),
                importance=importances.get(content.point, ""),
            )
        )
    return TextBank(folder.name, drawables, weights, importances)


@group("form", help="assembly.cli.form")
def form() -> None:
    """Group of the form commands."""


@form.command("draw", help="assembly.cli.draw")
@argument("blueprint", help="assembly.cli.blueprint")
@argument("paper", type=click.Choice(["theory", "skills"]), metavar="PAPER", help="assembly.cli.paper")
@option("--seed", type=int, default=None, help="assembly.cli.seed_random")
@with_app
def draw(blueprint: str, paper: str, seed: int | None, *, now: datetime) -> Answer:
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
    names = {"occupation": values.occupation_name, "level": values.level_name}
    title = _("assembly.title", **names, paper=values.papers[paper].name)
    positions = content["positions"]
    figures = {"seed": chosen, "bank": revision[:12], "form": sealed[:12], "count": len(positions)}
    drawn = {"seed": chosen, "blueprint": blueprint, "bank_revision": revision, "sha256": sealed}
    lines = align([_line(place) for place in positions], frozenset({0}))
    return Answer({**drawn, **content}, [title, _("assembly.drawn", **figures), *lines])


def _line(place: dict[str, Any]) -> list[str]:
    part = "" if place["part"] is None else f"#{place['part'] + 1}"
    points = _("assembly.points", points=place["points"])
    return [f"{place['position']:>4}", f"{place['item']}{part}", _(f"bank.type.{place['type']}"), points]


@blueprint.command("check", help="exams.cli.check")
@argument("files", nargs=-1, required=True, type=PATH, help="exams.cli.files")
@option("--bank", type=PATH, metavar="FOLDER", help="exams.cli.bank")
def check(files: tuple[Path, ...], bank: Path | None) -> Answer:
    """Print the table of each paper; exit with 2 when a file does not add up or a paper cannot be drawn."""
    with catalogues():
        answers = [one for path in files for one in _checked(path, bank)]
    return Answer(
        [one.data for one in answers],
        [line for one in answers for line in one.words],
        [line for one in answers for line in one.notes],
        code=max(one.code for one in answers),
    )


def _checked(path: Path, bank: Path | None) -> list[Answer]:
    if path.name == REASONS_FILE:
        return [checked_reasons(path)]
    answer, exam_blueprint = checked_blueprint(path)
    return [answer] if exam_blueprint is None or bank is None else [answer, *_drawable(exam_blueprint, bank)]


def _drawable(exam_blueprint: ExamBlueprint, folder: Path) -> list[Answer]:
    try:
        bank = read_text_bank(
            folder / exam_blueprint.bank if (folder / exam_blueprint.bank).is_dir() else folder
        )
    except CbtError as error:
        return [refusal(error, folder)]
    return [_paper_drawable(exam_blueprint, code, bank, folder) for code in exam_blueprint.papers]


def _paper_drawable(exam_blueprint: ExamBlueprint, code: str, bank: TextBank, folder: Path) -> Answer:
    paper = exam_blueprint.papers[code]
    data = {"file": folder, "ref": exam_blueprint.ref, "paper": code}
    refused = PaperSource(paper, bank.drawables, bank.weights, bank.importances).refusal()
    if refused is not None:
        # Every range that is short is named, and not only the first.
        missing = shortfalls(paper, bank.drawables, bank.weights)
        if not missing:
            return refusal(refused, folder)
        rows = [asdict(one) for one in missing]
        return Answer(
            {**data, "drawable": False, "shortfalls": rows},
            notes=[_short(paper, **asdict(one)) for one in missing],
            code=REFUSED,
        )
    words = [_("exams.check.drawable", paper=paper.name, bank=bank.name)]
    return Answer({**data, "drawable": True}, words)


def _short(paper: Paper, *, section: str, range: str, need: int, have: int) -> str:
    if not range:
        return _("exams.check.no_case", paper=paper.name, unit=section)
    code = "exams.check.shortfall" if paper.one_per_point else "exams.check.shortfall_items"
    return _(code, paper=paper.name, section=section, range=range, need=need, have=have, short=need - have)


@form.command("overlap", help="assembly.cli.overlap")
@argument("blueprint_file", type=PATH, metavar="FILE", help="assembly.cli.blueprint_file")
@argument("paper", help="assembly.cli.paper")
@option("--bank", type=PATH, required=True, metavar="FOLDER", help="assembly.cli.bank")
@option("--forms", type=click.IntRange(min=2), default=40, show_default=True, help="assembly.cli.forms")
@option("--seed", type=int, default=1, show_default=True, help="assembly.cli.seed")
def overlap(blueprint_file: Path, paper: str, bank: Path, forms: int, seed: int) -> Answer:
    """Print the mean and the largest share of items that two of the papers have in common."""
    with catalogues():
        exam_blueprint = load_blueprint_file(blueprint_file)
        if paper not in exam_blueprint.papers:
            raise NotFound("blueprint.no_such_paper", ref=exam_blueprint.ref, paper=paper)
        text = read_text_bank(bank)
    rng = random.Random(seed)
    drawn = []
    for _number in range(forms):
        content = draw_form(
            exam_blueprint.papers[paper], text.drawables, text.weights, text.importances, rng=rng
        )
        drawn.append({place["item"] for place in content["positions"]})
    shares = [len(one & other) / len(one) for one, other in combinations(drawn, 2)]
    mean, most = fmean(shares), max(shares)
    sentence = _("assembly.overlap", forms=forms, mean=f"{mean:.1%}", most=f"{most:.1%}")
    return Answer({"forms": forms, "seed": seed, "mean": mean, "most": most}, [sentence])


commands: list[click.Command] = [form]
