"""How a roster is laid out: headers × layout × spelling × dirt × container, drawn by a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

HEADERS: dict[str, tuple[str, ...]] = {
    "name": ("姓名", "考生姓名", "学员姓名", "姓  名", "姓　名", "*姓名", "姓名（必填）", "1.姓名", "申报人姓名"),
    "type": ("证件类型", "有效证件类型", "证件种类", "证件类型\n（下拉选择）"),
    "number": ("身份证号码", "身份证号", "证件号码", "身份证号码（18位）", "公民身份号码", "有效证件号码",
               "身 份 证 号", "证件号码\n（文本格式）", "居民身份证号码", "身份证"),
    "level": ("申报等级", "申报认定等级", "认定等级", "级别", "技能等级", "申报级别", "等级*", "职业技能等级",
              "报考等级", "申报等级（三级/二级）", "鉴定等级", "考核等级"),
    "occupation": ("申报职业", "职业名称", "职业(工种)", "职业（工种）", "申报工种", "工种", "认定职业",
                   "职业", "申报职业名称"),
    "both": ("申报职业及等级", "职业（工种）及等级", "职业及等级"),
    "paper": ("考试科目", "申报科目", "考核类型", "科目", "考核科目", "认定科目", "报考科目",
              "考试科目\n（理论/技能）"),
    "theory": ("理论", "理论知识", "理论考试", "理论知识考试"),
    "skills": ("技能", "专业能力", "操作技能", "实操", "技能考核", "专业能力考核"),
    "kind": ("新考/补考", "是否补考", "考试性质", "考生类型", "报考类型", "新考／补考", "申报类型"),
    "employer": ("工作单位", "单位名称", "所在单位", "单位", "工作单位（全称）", "用人单位"),
    "phone": ("联系电话", "手机", "手机号码", "联系方式", "电话", "移动电话"),
    "gender": ("性别", "性 别"),
    "extra": ("合理便利（加时）", "加时", "合理便利"),
    "when": ("考试时间", "考核时间", "考试日期"),
    "note": ("备注", "备注说明", "说明"),
    "held": ("职业技能等级", "技能等级", "职业等级"),
    "room": ("考场", "考场号", "机房"),
    "seat": ("座位号", "机位号", "座号"),
    "unit": ("报送单位", "培训机构", "班级"),
}  # fmt: skip
JUNK: dict[str, tuple[str, ...]] = {
    "序号": (),
    "学历": ("大专", "本科", "高中", "中专"),
    "工作年限": ("3", "5年", "12", "八年"),
    "出生年月": ("1990-01", "1988年3月", "1995.11"),
    "民族": ("汉", "回", "维吾尔族"),
    "工装尺码": ("L", "XL", "M"),
    "现有等级": ("四级", "三级", "无"),
    "原证书编号": ("2201003022400512", "", "无"),
    "邮箱": ("a@example.com", ""),
    "是否住宿": ("是", "否"),
    "户籍所在地": ("上海", "江苏南京"),
    "年龄": ("32", "45", "28"),
}
LEVELS: dict[str, tuple[str, ...]] = {
    "3": ("三级", "3级", "三级/高级工", "高级工", "Ⅲ级", "3", "三级（高级工）", "高级工/三级", "国家职业资格三级",
          "３级", "三级 / 高级工", "高级", "Ⅲ", "III级", "职业技能等级三级", "高级工(三级)"),
    "2": ("二级", "2级", "二级/技师", "技师", "Ⅱ级", "2", "二级（技师）", "技师/二级", "国家职业资格二级", "２",
          "二级 / 技师", "Ⅱ", "II级", "技师（二级）"),
}  # fmt: skip
THEORY = ("理论知识", "理论", "理论考试", "理论知识考试")
SKILLS = ("专业能力", "技能", "实操", "操作技能", "专业能力考核", "技能操作")
BOTH = (
    "{t}、{s}",
    "{t}，{s}",
    "{t}+{s}",
    "{t}/{s}",
    "{t} {s}",
    "{t}\n{s}",
    "{t}和{s}",
    "{t};{s}",
    "两科",
    "全部",
    "全科",
)
YES = ("√", "✓", "是", "1", "√", "报考")
NO = ("", "×", "否", "/", "免考", "0")

DAMAGE = (
    "digit", "short", "long", "science", "lost", "level", "level_two", "trade", "trade_joined", "paper", "kind",
    "no_name", "no_number", "type", "mark", "note_retake", "extra", "when", "zero_number", "levels_differ",
    "phone", "unseen", "name_says", "dash_name",
)  # fmt: skip
"""What makes a line one that must be refused."""


ODDS = ("number", "level", "kind", "name", "paper", "theory", "extra", "swapped", "twin_same", "twin_differs")
"""Columns whose header nobody knows; 考核类型 for first and retake; the level there twice."""


@dataclass(slots=True)
class Recipe:
    """One layout; `wrong` are the kinds of damage, each of one line."""

    container: str
    columns: list[str]
    headers: dict[str, str]
    rows_per: str
    level_style: str
    occupation: str
    kinds: str
    titles: int
    two_rows: bool
    repeat: int
    feet: tuple[str, ...]
    sheets: str
    count: int
    wrong: tuple[str, ...]
    mended: bool
    typed: bool
    unit: bool
    blanks: bool
    merged_papers: bool
    ditto: bool
    extra: bool
    when: bool
    odd: str
    junk: list[str] = field(default_factory=list)


def draw(rng: random.Random, containers: Sequence[str], one_sheet: frozenset[str]) -> Recipe:
    """Return a recipe."""
    container = rng.choice(containers)
    rows_per = rng.choice(("person", "person", "paper", "marks", "marks"))
    occupation = rng.choice(("", "name", "name", "code", "alias", "both"))
    kinds = rng.choice(("", "column", "column", "note", "marks" if rows_per == "marks" else "column"))
    typed = rng.random() < 0.5
    extra, when = rng.random() < 0.3, rng.random() < 0.25
    columns = ["name", *(["type"] if typed else []), "number"]
    columns += ["both"] if occupation == "both" else [*(["occupation"] if occupation else []), "level"]
    columns += ["theory", "skills"] if rows_per == "marks" else ["paper"]
    columns += ["kind"] if kinds == "column" else []
    for name, share in (("gender", 0.5), ("employer", 0.7), ("phone", 0.6)):
        columns += [name] if rng.random() < share else []
    columns += (["extra"] if extra else []) + (["when"] if when else [])
    for name in ("room", "seat", "unit"):
        columns += [name] if rng.random() < 0.12 else []
    columns += ["note"] if kinds == "note" or rng.random() < 0.4 else []
    if rng.random() < 0.4:
        middle = columns[1:]
        rng.shuffle(middle)
        columns = [columns[0], *middle]
    junk = rng.sample(list(JUNK), rng.randrange(0, 5))
    for name in junk:
        columns.insert(0 if name == "序号" else rng.randrange(1, len(columns) + 1), name)
    two_rows = rng.random() < 0.25
    return Recipe(
        container=container,
        columns=columns,
        headers={name: rng.choice(HEADERS[name]) if name in HEADERS else name for name in columns},
        rows_per=rows_per,
        level_style=rng.choice(("one", "many")),
        occupation=occupation,
        kinds=kinds,
        titles=rng.randrange(0, 4),
        two_rows=two_rows,
        repeat=rng.choice((0, 0, 0, 5)),
        feet=tuple(rng.sample(("sum", "signer", "remark", "page"), rng.randrange(0, 4))),
        sheets="one"
        if container in one_sheet
        else rng.choice(("one", "one", "levels", "units", "notes", "data")),
        count=rng.randrange(2, 14),
        wrong=tuple(rng.sample(DAMAGE, rng.randrange(1, 4))) if rng.random() < 0.45 else (),
        mended=rng.random() < 0.5,
        typed=typed,
        unit=rng.random() < 0.4,
        blanks=rng.random() < 0.25,
        merged_papers=rows_per == "paper" and rng.random() < 0.5,
        ditto=rng.random() < 0.2,
        extra=extra,
        when=when,
        odd=rng.choice(("", "", "", "", "", "", *ODDS)),
        junk=junk,
    )
