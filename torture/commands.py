"""The command line of torture: `python -m torture`."""

from __future__ import annotations

import json
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from torture.registry import FAULTS
from torture.report import PAGE, as_data, write_report
from torture.running import run_all, workshop
from torture.trial import Fault, Result
from torture.words import said

SHOWN = 10


@click.command(
    "torture", help="故障演练：逐项破坏，核对一条作答都没有丢 · Break it on purpose, lose nothing."
)
@click.option(
    "--long/--short", "long", default=False, help="长：每项多次；短：每项几次 · many of each, or a few"
)
@click.option("--only", help="只做这些故障（逗号分隔）· these faults only, by comma")
@click.option("--seed", type=int, help="随机种子 · seed of the random choices")
@click.option(
    "--report", "folder", type=click.Path(path_type=Path), help="报告的文件夹 · folder of the report"
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON · Print JSON.")
def torture(long: bool, only: str | None, seed: int | None, folder: Path | None, as_json: bool) -> None:
    """Try every fault this machine can inject, in a temporary folder; exit 1 when an invariant broke."""
    seed = random.SystemRandom().randrange(2**31) if seed is None else seed
    faults = _chosen(only)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to end, it ends its servers first
    data = _run(faults, long=long, seed=seed, folder=folder)
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
    elif data["broken"]:
        click.echo(said("torture.broken", count=data["broken"], seed=seed))
    else:
        click.echo(said("torture.held", faults=data["injections"], answers=data["acknowledged"]))
    sys.exit(1 if data["broken"] else 0)


def _chosen(only: str | None) -> list[Fault]:
    if only is None:
        return list(FAULTS)
    known = {fault.name: fault for fault in FAULTS}
    names = [name.strip() for name in only.split(",")]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name} ({', '.join(known)})", param_hint="--only")
    return [known[name] for name in names]


def _run(faults: Sequence[Fault], *, long: bool, seed: int, folder: Path | None) -> dict[str, Any]:
    """Try the faults and return the report; it is written after each, so that an interrupted run leaves one."""
    results: list[Result] = []
    data = as_data(results, long=long, seed=seed)
    with workshop() as shop:
        for result in run_all(faults, shop, long=long, seed=seed, begins=_tell_begin):
            results.append(result)
            _tell(result)
            data = as_data(results, long=long, seed=seed)
            if folder is not None:
                write_report(folder, data)
    if folder is not None:
        click.echo(said("torture.report_at", path=str(folder / PAGE)), err=True)
    return data


def _tell_begin(fault: Fault, kind: str) -> None:
    click.echo(f"{said(f'torture.fault.{fault.name}')} · {kind} …", err=True)


def _tell(result: Result) -> None:
    if result.skipped:
        why = "、".join(said(f"torture.need.{name}") for name in result.skipped)
        click.echo("  " + said("torture.skipped", why=why), err=True)
        return
    line = said(
        "torture.done",
        times=result.injections,
        answers=result.acknowledged,
        seconds=f"{result.seconds:.1f}",
    )
    click.echo(f"  {'✓' if result.ok else '✗'} {line}", err=True)
    for invariant, found in result.broken.items():
        for what in found[:SHOWN]:
            click.echo(f"    {invariant}: {what}", err=True)
