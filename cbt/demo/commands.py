"""`cbt demo`: one command to a running examination day."""

from __future__ import annotations

import os
import random
import time
from datetime import datetime
from pathlib import Path

import click

from cbt.config import Settings, read_settings
from cbt.demo.build import Access, build_demo, is_built
from cbt.exams.table import align
from cbt.serving import DataDirLock, announce, check_port, in_child, prepare_app, run_server

SHEET = "demo-accounts.txt"


@click.command("demo", help="演练：一条命令搭好一场考试并启动 · Build an examination day and serve it.")
@click.option("--dir", "folder", default="demo-data", help="演练数据目录 · data directory")
@click.option("--host", default=None, help="监听地址 · address")
@click.option("--port", type=int, default=None, help="端口 · port")
@click.option(
    "--fresh",
    is_flag=True,
    help="旧数据改名保留，重新搭建 · keep the old data under another name, build anew",
)
@click.option("--build-only", is_flag=True, help="只搭建，不启动 · build, do not serve")
def demo(folder: str, host: str | None, port: int | None, fresh: bool, build_only: bool) -> None:
    """Build the demo in a directory of its own, unless it is there already, and serve it."""
    os.environ["CBT_DATA_DIR"] = folder
    for name, value in (("HOST", host), ("PORT", port)):
        if value is not None:
            os.environ[f"CBT_{name}"] = str(value)
    settings = read_settings()
    if fresh:
        _set_aside(settings)
    lock = DataDirLock(settings.data_dir)
    lock.take(f"pid {os.getpid()}, port {settings.port}")
    if not build_only:
        check_port(settings)
    text = in_child(_prepare, settings)
    click.echo(text)
    if not build_only:
        announce(settings)
        run_server(settings)


def _set_aside(settings: Settings) -> None:
    suffix = f".{int(settings.data_dir.stat().st_mtime)}" if settings.data_dir.exists() else ""
    for path in (settings.data_dir, settings.keys):
        if path.exists():
            path.rename(path.with_name(path.name + suffix))


def _prepare(settings: Settings) -> str:
    app = prepare_app(settings)
    now: datetime = app.extensions["cbt_clock"].now()
    sheet = settings.keys / SHEET
    with app.app_context():
        if is_built():
            return f"演练数据已在 {settings.data_dir}，原样继续。账号单：{sheet}（--fresh 重新搭建）"
        begun = time.monotonic()
        access = build_demo(settings, now=now, rng=random.SystemRandom())
        took = time.monotonic() - begun
        text = "\n".join(_lines(access, app.extensions["cbt_zone"]))
    _keep(sheet, text)
    built = f"已用 {took:.1f} 秒搭好演练数据（{settings.data_dir}）。"
    return f"{text}\n\n{built}以上账号另存于 {sheet}（仅本机用户可读）。"


def _keep(sheet: Path, text: str) -> None:
    descriptor = os.open(sheet, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text + "\n")


def _lines(access: Access, zone: object) -> list[str]:
    start = access.planned_start_at.astimezone(zone) if access.planned_start_at else None  # type: ignore[arg-type]
    lines = ["", f"第 1 场计划开考 {start:%H:%M}，签到与登录已开放，监考员可随时手动统一开考。", ""]
    lines.append("工作人员（首次登录须改密码）")
    lines += align([("账号", "姓名", "角色", "一次性密码"), *access.staff], frozenset())
    lines += ["", f"考生（机房 A，绑定机位用的考场码 {access.room_code}；登录码 10 分钟内有效）"]
    rows = [(f"{seat:02d}", *rest) for seat, *rest in access.candidates]
    lines += align([("机位", "姓名", "科目", "准考证号", "证件后六位", "登录码"), *rows], frozenset())
    return lines


commands: list[click.Command] = [demo]
