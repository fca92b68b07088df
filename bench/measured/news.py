"""What staff did, seen on open pages; what these cost the saves."""

from __future__ import annotations

from bench.answer_page.news import MANY_PAGES, measure_acts, measure_beside
from bench.measured.declaring import NONE_LOST, Bound, Group, Stage, Target, most

GROUPS = (
    Group(
        (
            Target(
                "news",
                "acts of staff, seen on 100 open pages",
                "监考操作，在 100 个答题页上看到",
                (most("p95_ms", 2000, 1000), NONE_LOST),
                paced=True,
            ),
        ),
        Stage.OPEN,
        lambda stand: measure_acts(stand.bench, stand.server, stand.tell),
        people=lambda size: size.of(100, 40),
    ),
    Group(
        (
            Target(
                "save_news",
                "saves beside 100 pages that wait for news",
                "保存，同时有 100 个页面等候消息",
                (Bound("of_alone", 0.95, 0.98), NONE_LOST),
            ),
            Target(
                "save_news_1000",
                "saves beside 1,000 pages that wait for news",
                "保存，同时有 1000 个页面等候消息",
                (Bound("of_alone", None, 0.95), NONE_LOST),
            ),
        ),
        Stage.OPEN,
        lambda stand: measure_beside(stand.bench, stand.server, stand.tell),
        people=lambda size: size.of(MANY_PAGES, 100),
    ),
)
