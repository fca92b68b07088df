"""The keys of a blueprint file: what each is called there, what it becomes, what it may hold.

One table serves the reader and the JSON Schema, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cbt.rules.items.values import ItemType, PartialCredit


class Kind(StrEnum):
    """What a key holds."""

    TEXT = "text"
    TEXTS = "texts"
    WHOLE = "whole"
    WHOLES = "wholes"
    POINTS = "points"
    SWITCH = "switch"
    MINUTES = "minutes"
    MINUTES_LIST = "minutes_list"
    SECONDS = "seconds"
    CREDITS = "credits"


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a table: `key` in the file, `name` in the value it becomes."""

    key: str
    kind: Kind
    note: str
    name: str = ""
    required: bool = False
    allowed: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """Return the name of the value this key becomes."""
        return self.name or self.key


def _need(key: str, kind: Kind, note: str, name: str = "", allowed: tuple[str, ...] = ()) -> Field:
    return Field(key, kind, note, name=name, required=True, allowed=allowed)


_CREDITS = tuple(credit.value for credit in PartialCredit)

TOP = (
    _need("ref", Kind.TEXT, "考核方案编号，小写字母、数字和连字符"),
    _need("schema", Kind.WHOLE, "本文件格式的版本，目前为 1"),
    _need("bank", Kind.TEXT, "抽题所用题库的编号"),
)
OCCUPATION = (
    _need("code", Kind.TEXT, "职业编码（职业分类大典）", name="occupation_code"),
    _need("name", Kind.TEXT, "职业名称", name="occupation_name"),
    Field("aliases", Kind.TEXTS, "导入名册时同样接受的名称"),
)
LEVEL = (
    _need("code", Kind.TEXT, "级别代码，如 3", name="level_code"),
    _need("name", Kind.TEXT, "级别名称，如 三级", name="level_name"),
)
ADMISSION = (
    Field("check_in_opens", Kind.MINUTES, "计划开考前多少分钟开始签到"),
    Field("report", Kind.MINUTES, "计划开考前多少分钟为报到时间"),
    Field("sign_in_opens", Kind.MINUTES, "计划开考前多少分钟开放登录"),
    Field("late_limit", Kind.MINUTES, "迟到多少分钟及以上不得入场"),
    Field("late_from", Kind.TEXT, "迟到从报到时间还是从开考起算", allowed=("report_at", "start")),
    Field("sign_in_needs_check_in", Kind.SWITCH, "签到后才能登录"),
    Field("leave_allowed", Kind.SWITCH, "主考可以批准临时离场"),
)
RETAKE = (
    Field("years", Kind.WHOLE, "补考期限（年）"),
    Field("window_from", Kind.TEXT, "期限从成绩发布还是考试日起算", allowed=("release", "exam")),
    Field("absent_may_retake", Kind.SWITCH, "缺考者可以补考"),
)
PAPER = (
    _need("name", Kind.TEXT, "科目名称"),
    _need("minutes", Kind.MINUTES, "考试时长（分钟）", name="duration"),
    _need("points", Kind.POINTS, "满分"),
    _need("pass_points", Kind.POINTS, "合格线，含本数"),
    Field("score_step", Kind.POINTS, "得分保留到的最小单位"),
    Field("modes", Kind.TEXTS, "考试方式：machine 机考，paper 闭卷笔试", allowed=("machine", "paper")),
    Field("warnings", Kind.MINUTES_LIST, "全卷剩余多少分钟时提醒"),
    Field("unit_warnings", Kind.MINUTES_LIST, "单元剩余多少分钟时提醒"),
    Field("calculator", Kind.SWITCH, "提供计算器"),
    Field("lock_down", Kind.SWITCH, "显示水印，关闭选择、复制和打印"),
    Field("release", Kind.TEXT, "向考生发布的内容", allowed=("score", "verdict", "none")),
    Field("difficulty", Kind.WHOLES, "难度 1 至 5 的题量之比"),
)
SUBMIT = (
    Field("earliest", Kind.MINUTES, "开考多少分钟后方可交卷"),
    Field("closed_before_end", Kind.MINUTES, "结束前多少分钟内不得交卷"),
)
CLOCK = (
    Field("unit_timing", Kind.TEXT, "单元计时：strict 严格，pooled 合并", allowed=("strict", "pooled")),
    Field("unused_time", Kind.TEXT, "单元剩余时间：carried 顺延，lost 作废", allowed=("carried", "lost")),
    Field("late_start", Kind.TEXT, "晚开始：scale 各单元按比例，cut 截短末单元", allowed=("scale", "cut")),
    Field("grace", Kind.SECONDS, "传输宽限（秒）"),
)
SECTION = (
    _need("name", Kind.TEXT, "大题名称"),
    _need("type", Kind.TEXT, "题型", allowed=tuple(kind.value for kind in ItemType)),
    _need("count", Kind.WHOLE, "题量"),
    _need("points_each", Kind.POINTS, "每题分值"),
    Field("minutes", Kind.MINUTES, "本大题的时长（分钟）"),
    Field("shuffle_items", Kind.SWITCH, "题目乱序"),
    Field("shuffle_choices", Kind.SWITCH, "选项乱序"),
    Field("credit", Kind.TEXT, "部分给分规则", allowed=_CREDITS),
)
UNIT = (
    _need("number", Kind.WHOLE, "单元编号"),
    _need("name", Kind.TEXT, "单元内容"),
    _need("project", Kind.TEXT, "项目名称"),
    _need("minutes", Kind.MINUTES, "考核时间（分钟）"),
    _need("points", Kind.POINTS, "配分"),
    Field("credit", Kind.CREDITS, "各题型的部分给分规则", allowed=_CREDITS),
    Field("shuffle_choices", Kind.SWITCH, "选项乱序"),
    Field("select", Kind.TEXT, "选考方法：required 必考", allowed=("required",)),
)

TABLES: Mapping[str, tuple[Field, ...]] = {
    "occupation": OCCUPATION,
    "level": LEVEL,
    "admission": ADMISSION,
    "retake": RETAKE,
}
PAPER_TABLES: Mapping[str, tuple[Field, ...]] = {"submit": SUBMIT, "clock": CLOCK}
PAPER_LISTS: Mapping[str, tuple[Field, ...]] = {"sections": SECTION, "units": UNIT}
REQUIRED_TABLES = frozenset({"occupation", "level"})
SCHEMA_VERSION = 1
