"""A city's examination planned from the measured figures: every line is a formula over bench/results.json.

docs/city.md says what the letters mean and how to work the table out for another city.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from bench.published import bearing, day, office
from bench.published.bearing import SAFETY
from bench.published.report import Results
from cbt.config import Settings

CANDIDATES = 50_000
CENTRE = 500
ROOM = 100
"""The seats of a computer room whose line is planned."""
SAVE_EVERY_S = 5
START_WITHIN_S = 30
HAND_IN_WITHIN_S = 60
COPIES = 24
"""Backups that are kept (CBT_BACKUP_KEEP)."""
GROWTH = 1.5
"""The database beside its write-ahead log, the second paper's journal and the log of operations."""
THREADS_PER_NODE = 80 * Settings().workers
"""Connections to PostgreSQL that one node may open, with as many workers as it has when nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one server of the measured machine does: per second, or bytes."""

    saves: float
    starts: float
    hand_ins: float
    closings: float
    postgres_saves: float
    page_bytes: float
    save_bytes: float
    attempt_bytes: float
    backup_bytes: float
    """Bytes of database backed up per second."""


def capacity(results: Results) -> Capacity:
    """Read the capacities from the results."""
    figures, facts = results["figures"], results["facts"]
    return Capacity(
        saves=figures["save"]["per_s"],
        starts=figures["start"]["per_s"],
        hand_ins=figures["submit"]["per_s"],
        closings=figures["close_5000"]["per_s"],
        postgres_saves=figures["postgres_save"]["per_s"],
        page_bytes=figures["runner_page"]["wire_kb"] * 1000,
        save_bytes=facts["save_bytes"],
        attempt_bytes=facts["bytes_per_attempt"],
        backup_bytes=facts["backup_mb_per_s"] * 1e6,
    )


def nodes(people: int, of: Capacity) -> int:
    """Return how many nodes before one PostgreSQL carry the saves and the starts of `people`, one spare."""
    by_saves = people / SAVE_EVERY_S / (SAFETY * of.postgres_saves)
    by_starts = people / START_WITHIN_S / (SAFETY * of.starts)
    return math.ceil(max(by_saves, by_starts)) + 1


def _rows(of: Capacity) -> list[tuple[str, str, str, str]]:
    """Return (what, formula, one centre, the whole city at once)."""

    def both(what: str, formula: str, value: str, one: float, all_: float) -> tuple[str, str, str, str]:
        return what, formula, value.format(one), value.format(all_)

    small, large = CENTRE, CANDIDATES
    disk = of.attempt_bytes * GROWTH / 1e9
    return [
        both("同时在考人数 N", "—", "{:,.0f}", small, large),
        both("保存高峰，次/秒", f"N ÷ {SAVE_EVERY_S}", "{:,.0f}", small / SAVE_EVERY_S, large / SAVE_EVERY_S),
        both(
            "占一台服务器保存能力",
            f"N ÷ {SAVE_EVERY_S} ÷ 保存每秒",
            "{:.0%}",
            small / SAVE_EVERY_S / of.saves,
            large / SAVE_EVERY_S / of.saves,
        ),
        both("长连接数", "N × 2", "{:,.0f}", small * 2, large * 2),
        both("一台服务器发完全部试卷，秒", "N ÷ 开卷每秒", "{:,.1f}", small / of.starts, large / of.starts),
        both(
            "一台服务器收完全部主动交卷，秒",
            "N ÷ 交卷每秒",
            "{:,.1f}",
            small / of.hand_ins,
            large / of.hand_ins,
        ),
        both(
            "一台服务器到时收卷并评分，秒",
            "N ÷ 收卷评分每秒",
            "{:,.1f}",
            small / of.closings,
            large / of.closings,
        ),
        both("磁盘，GB（一科）", f"N × 每份字节 × {GROWTH}", "{:,.2f}", small * disk, large * disk),
        both(
            "备份占用，GB",
            f"上行 × 保留 {COPIES} 份",
            "{:,.1f}",
            small * disk * COPIES,
            large * disk * COPIES,
        ),
        both(
            "做一次备份，秒",
            "磁盘 ÷ 备份速度",
            "{:,.1f}",
            small * disk * 1e9 / of.backup_bytes,
            large * disk * 1e9 / of.backup_bytes,
        ),
    ]


def _sizes(of: Capacity) -> list[tuple[str, str, str]]:
    """Return (what, formula, value) of the two ways to lay the city out."""
    count = nodes(CANDIDATES, of)
    room = ROOM * of.page_bytes * 8 / START_WITHIN_S / 1e6
    steady = ROOM * of.save_bytes * 8 / SAVE_EVERY_S / 1e6
    city = CANDIDATES * of.page_bytes * 8 / START_WITHIN_S / 1e9
    return [
        (f"考点数（每点 {CENTRE} 人）", f"{CANDIDATES:,} ÷ {CENTRE}", f"{math.ceil(CANDIDATES / CENTRE)}"),
        (
            "方案一：考点服务器（内置数据库）",
            "每考点 1 台，另备 1 台冷备",
            f"{math.ceil(CANDIDATES / CENTRE)} × 2",
        ),
        (
            "方案二：集中部署的应用节点",
            f"max(N ÷ {SAVE_EVERY_S} ÷ 保存每秒(PostgreSQL), N ÷ {START_WITHIN_S} ÷ 开卷每秒) ÷ {SAFETY} + 1",
            f"{count}",
        ),
        ("方案二：PostgreSQL 须承受的保存，次/秒", f"N ÷ {SAVE_EVERY_S}", f"{CANDIDATES // SAVE_EVERY_S:,}"),
        (
            "方案二：PostgreSQL 连接数上限",
            f"节点 × {THREADS_PER_NODE} + 20",
            f"{count * THREADS_PER_NODE + 20:,}",
        ),
        (
            f"一间 {ROOM} 人机房的带宽，开考时，Mbit/s",
            f"{ROOM} × 首屏字节 × 8 ÷ {START_WITHIN_S} 秒",
            f"{room:.1f}",
        ),
        (
            f"一间 {ROOM} 人机房的带宽，考试中，Mbit/s",
            f"{ROOM} × 每次保存字节 × 8 ÷ {SAVE_EVERY_S} 秒",
            f"{steady:.2f}",
        ),
        ("方案二：机房总出口，开考时，Gbit/s", f"N × 首屏字节 × 8 ÷ {START_WITHIN_S} 秒", f"{city:.2f}"),
    ]


def block(results: Results) -> str:
    """Return what stands between the markers of docs/city.md."""
    of = capacity(results)
    measured = (
        f"保存每秒 {of.saves:,.0f}；保存每秒（PostgreSQL，一个节点）{of.postgres_saves:,.0f}；"
        f"开卷每秒 {of.starts:,.0f}；交卷每秒 {of.hand_ins:,.0f}；收卷评分每秒 {of.closings:,.0f}；"
        f"首屏 {of.page_bytes:,.0f} 字节；"
        f"每次保存（请求与回执）{of.save_bytes:,.0f} 字节；每份答卷 {of.attempt_bytes:,.0f} 字节；"
        f"备份 {of.backup_bytes / 1e6:,.0f} MB/秒。"
    )
    lines = [
        f"实测值：{measured}",
        "",
        *bearing.lines(results),
        *day.lines(results),
        *office.lines(results),
        "",
        f"| 项目 | 公式 | 一个考点（{CENTRE} 人） | 全市同时（{CANDIDATES:,} 人） |",
        "| --- | --- | ---: | ---: |",
        *(f"| {' | '.join(cells)} |" for cells in _rows(of)),
        "",
        "![一个考点用掉一台服务器能力的多少](images/city.svg)",
        "",
        "| 布局 | 公式 | 数量 |",
        "| --- | --- | ---: |",
        *(f"| {' | '.join(cells)} |" for cells in _sizes(of)),
    ]
    return "\n".join(lines)


def loads(results: Results) -> list[tuple[str, float]]:
    """Return how much of one server's capacity a centre takes at each peak."""
    of = capacity(results)
    return [
        (f"保存（每人 {SAVE_EVERY_S} 秒一次）", CENTRE / SAVE_EVERY_S / of.saves),
        (f"开卷（{START_WITHIN_S} 秒内全部打开）", CENTRE / START_WITHIN_S / of.starts),
        (f"交卷（{HAND_IN_WITHIN_S} 秒内全部点击）", CENTRE / HAND_IN_WITHIN_S / of.hand_ins),
        ("到时收卷并评分（5 秒内完成）", CENTRE / 5 / of.closings),
    ]


def svg(results: Results) -> str:
    """Return the picture of `loads`: bars in percent of one server."""
    rows = loads(results)
    width, left, row, top = 820, 280, 34, 52
    height, scale = top + row * len(rows) + 24, 420.0
    limit = left + SAFETY * scale
    title = f"一个 {CENTRE} 人考点用掉一台服务器能力的百分比"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{title}" font-family="system-ui, sans-serif" font-size="14">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        f'<text x="16" y="28" font-weight="600" fill="#1c2530">{title}</text>',
    ]
    for index, (label, share) in enumerate(rows):
        y, long = top + row * index, min(share, 1.1) * scale
        lines += [
            f'<text x="{left - 10}" y="{y + 14}" text-anchor="end" fill="#1c2530">{escape(label)}</text>',
            f'<rect x="{left}" y="{y}" width="{scale:.0f}" height="18" fill="#e6eaef"/>',
            f'<rect x="{left}" y="{y}" width="{long:.1f}" height="18" fill="#2f6fbd"/>',
            f'<text x="{left + max(long, 0) + 8:.1f}" y="{y + 14}" fill="#1c2530">{share:.1%}</text>',
        ]
    lines += [
        f'<path d="M{limit:.1f} {top - 6}V{height - 22}" stroke="#1c2530" stroke-width="2" '
        f'stroke-dasharray="4 3"/>',
        f'<text x="{limit:.1f}" y="{height - 6}" text-anchor="middle" fill="#1c2530">规划上限 {SAFETY:.0%}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
