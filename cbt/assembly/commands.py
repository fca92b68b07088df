"""`cbt form …` and the part of `cbt blueprint` that needs a bank: can the paper be drawn?"""

from __future__ import annotations

import random
from datetime import datetime

import click

from cbt.assembly.steps import draw_content
from cbt.bank.store import bank_by_ref, bank_revision
from cbt.db.unit_of_work import reading
from cbt.errors import NotFound
from cbt.exams.store import blueprint_of, current_version
from cbt.rules.canonical import canonical_json, digest
from cbt.web.cli import print_json, with_app


@click.group("form", help="试卷：试抽与查看 · Draw and show forms.")
def form() -> None:
    """Group of the form commands."""


@form.command("draw", help="按考核方案、题库和种子试抽一份试卷 · Draw one form; the same seed gives the same form.")
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
    click.echo(f"种子 {chosen}  题库版本 {revision[:12]}  试卷摘要 {sealed[:12]}  共 {len(content['positions'])} 题")
    for place in content["positions"]:
        part = "" if place["part"] is None else f"#{place['part'] + 1}"
        click.echo(f"{place['position']:>4}  {place['item']}{part}  {place['type']}  {place['points']} 分")


commands: list[click.Command] = [form]
