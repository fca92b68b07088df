"""The keys of the file of reasons: what each is called there, what it may hold."""

from __future__ import annotations

from collections.abc import Mapping

from cbt.exams.keys import SCHEMA, Field, KeyKind, needed
from cbt.rules.violation import Effect, Evidence, Tier

REASONS_FILE = "reasons.toml"
"""Its name in the folder of the blueprints."""

_NAMED = (
    needed("code", KeyKind.TEXT, "代码：小写字母、数字和下划线，最多 20 个字符；用过的不要改"),
    needed("zh", KeyKind.TEXT, "中文名称"),
    needed("en", KeyKind.TEXT, "英文名称"),
    Field("retired", KeyKind.SWITCH, "停用：不再可选，以往的记录照常显示"),
)
TOP = (SCHEMA,)
VIOLATION = (
    *_NAMED,
    needed("clause", KeyKind.TEXT, "所违反的条款，如 考场须知第 5 条"),
    needed("tier", KeyKind.TEXT, "类别：breach 违纪，cheating 作弊", allowed=tuple(Tier)),
    needed(
        "effects",
        KeyKind.TEXTS,
        "处理：warning 警告，deduct 扣分，terminate 终止考试，paper_void 该科无效，all_void 全部无效",
        allowed=tuple(Effect),
    ),
    needed(
        "evidence",
        KeyKind.TEXTS,
        "应附证据：statement 监考陈述，witness 第二人见证，object 物证，video 录像，system_log 系统日志",
        allowed=tuple(Evidence),
    ),
    Field("deduct", KeyKind.POINTS, "扣几分；处理含 deduct 时填写"),
)
REASON = _NAMED
LISTS: Mapping[str, tuple[Field, ...]] = {
    "violations": VIOLATION,
    "reasons": REASON,
    "messages": REASON,
}
