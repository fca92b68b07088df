"""From a recipe to a file, and the people that must be read of it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.bank.biff import xls
from tests.bank.field.containers import CONTAINERS, ONE_SHEET, Cell, Grid, Sheets, shown
from tests.candidates.field.damage import damage
from tests.candidates.field.people import Sent, Town
from tests.candidates.field.recipes import (
    BOTH,
    HEADERS,
    JUNK,
    LEVELS,
    NO,
    SKILLS,
    THEORY,
    YES,
    Recipe,
    draw,
)

XLS = "xls"
_MERGING = frozenset({"xlsx", "xlsx named xls", "page"})
_TITLES = (
    "2026年第四批职业技能等级认定报名汇总表",
    "填报单位：上海某某商贸有限公司　　填报日期：2026年9月1日",
    "（请勿改动表头）",
)
_UNKNOWN = {
    "number": "号", "level": "档次", "kind": "第几次参加", "name": "人", "paper": "考哪些", "theory": "理论部分",
    "extra": "特别安排",
}  # fmt: skip
_NAMES = {"name": ("客户服务管理员",), "alias": ("客服服务管理员", "客户服务管理师"), "code": ("4-07-02-03",)}


@dataclass(slots=True)
class MadeRoster:
    """A file of the field, and who is in it."""

    seed: int
    recipe: Recipe
    name: str
    content: bytes
    people: list[Sent]
    unknown: str = ""
    """The column whose header nobody knows."""


def make(seed: int) -> MadeRoster:
    """Return the file of a seed."""
    rng = random.Random(seed)
    recipe = draw(rng, (*CONTAINERS, XLS), ONE_SHEET | {XLS})
    writer = _Writer(recipe, rng)
    sheets = writer.sheets()
    if recipe.container == XLS:
        (grid,) = sheets.grids.values()
        body = xls([[_biff(cell) for cell in line] for line in grid])
        ending = ".xls"
    else:
        ending, write = CONTAINERS[recipe.container]
        body = write(sheets)
    return MadeRoster(seed, recipe, f"名册{seed}{ending}", body, writer.people, writer.unknown)


def _biff(cell: Cell) -> str | tuple[float, str]:
    return (float(cell), "0") if isinstance(cell, int | float) and not isinstance(cell, bool) else shown(cell)


class _Writer:
    """Writes the people of one file."""

    def __init__(self, recipe: Recipe, rng: random.Random) -> None:
        self.recipe, self.rng = recipe, rng
        self.people: list[Sent] = []
        self._town = Town(rng)
        self._merged: list[tuple[int, int, int, int]] = []
        self._level = {code: rng.choice(said) for code, said in LEVELS.items()}
        self._paper = rng.choice(THEORY), rng.choice(SKILLS), rng.choice(BOTH)
        self._yes, self._no = rng.choice(YES), rng.choice(NO)
        self._wrong = list(recipe.wrong)
        self.unknown = recipe.odd if recipe.odd in _UNKNOWN else ""
        self.unknown = "both" if self.unknown == "level" and "both" in recipe.columns else self.unknown
        self.unknown = self.unknown if self.unknown in recipe.columns else ""
        if recipe.odd.startswith("twin") and "level" in recipe.columns:
            recipe.columns.append("held")
            recipe.headers |= {"level": "申报等级", "held": rng.choice(HEADERS["held"])}
        if recipe.odd == "swapped" and {"kind", "paper"} <= set(recipe.columns):
            recipe.headers |= {"kind": "考核类型", "paper": "考试科目"}
        self.typed = recipe.container not in ONE_SHEET and rng.random() < 0.3

    def sheets(self) -> Sheets:
        """Return the sheets of the file."""
        recipe = self.recipe
        if recipe.sheets in {"levels", "units"}:
            names = ("三级", "二级") if recipe.sheets == "levels" else ("一部", "二部")
            found = Sheets({}, {})
            for at, name in enumerate(names):
                level = "32"[at] if recipe.sheets == "levels" else ""
                self._merged = []
                found.grids[name] = self._grid(at, level)
                found.merged[name] = self._merged
            return found
        grid = self._grid(0, "")
        found = Sheets({"Sheet1": grid}, {"Sheet1": self._merged})
        if recipe.sheets == "notes":
            found.grids["填写说明"] = [["一、每行填写一名考生"], ["二、等级填三级或二级", "示例：三级"]]
        if recipe.sheets == "data":
            found.grids["数据源"] = [["居民身份证", "三级", "新考"], ["护照", "二级", "补考"]]
        return found

    def _grid(self, sheet: int, level: str) -> Grid:
        recipe, rng = self.recipe, self.rng
        grid: Grid = []
        width = len(recipe.columns)
        for title in _TITLES[: recipe.titles]:
            self._merged.append((len(grid), 0, len(grid), width - 1))
            grid.append([title, *[""] * (width - 1)])
        head = self._head(len(grid))
        grid += head
        merged_unit = recipe.unit and "employer" in recipe.columns and recipe.container not in ONE_SHEET
        unit_from, unit = len(grid), "统一填报单位" if merged_unit else ""
        for n in range(recipe.count):
            if recipe.repeat and n and n % recipe.repeat == 0 and not merged_unit:
                grid += [list(line) for line in head]
            if recipe.blanks and n == 2:
                grid.append([""] * width)
            person = self._person(level, unit)
            for line in self._lines(person, n, first_unit=not merged_unit or n == 0):
                person.lines.append((sheet, len(grid) + 1))
                grid.append(line)
            if recipe.merged_papers and len(person.papers) > 1 and recipe.container in _MERGING:
                self._merge_last(grid, {"paper"} | ({"employer"} if merged_unit else set()))
            elif recipe.ditto and n and not person.wrong and not self.people[-2].wrong:
                self._same_as_above(grid, person)
        if merged_unit and len(grid) - unit_from > 1 and recipe.container in _MERGING:
            place = recipe.columns.index("employer")
            self._merged.append((unit_from, place, len(grid) - 1, place))
        grid += [_foot(kind, recipe, rng) for kind in recipe.feet]
        return grid

    def _merge_last(self, grid: Grid, apart: set[str]) -> None:
        """Merge the cells of a person's two lines, as forms do."""
        for place, name in enumerate(self.recipe.columns):
            if name not in apart:
                grid[-1][place] = ""
                self._merged.append((len(grid) - 2, place, len(grid) - 1, place))

    def _same_as_above(self, grid: Grid, person: Sent) -> None:
        for place, name in enumerate(self.recipe.columns):
            if name in {"employer", "level"} and grid[-1][place] == grid[-2][place] != "":
                grid[-1][place] = self.rng.choice(("同上", "〃"))

    def _person(self, level: str, unit: str) -> Sent:
        recipe, rng = self.recipe, self.rng
        person = self._town.person(unit=unit)
        person.level = level or person.level
        if recipe.kinds:
            kind = rng.choice(("first", "first", "retake"))
            person.papers = dict.fromkeys(person.papers, kind)
            if recipe.kinds == "marks" and rng.random() < 0.3 and len(person.papers) > 1:
                person.papers["skills"] = "first" if kind == "retake" else "retake"
        if recipe.extra and rng.random() < 0.3:
            known = ((30, "1"), (0, "1.5"), (15, "1"))
            person.minutes, person.factor = rng.choice(known[:2] if self.unknown == "extra" else known)
        if recipe.when and rng.random() < 0.7:
            person.day, person.half = "2026-10-12", rng.choice(("am", "pm"))
        if rng.random() < 0.1:
            person.phone = ""
        if "room" in recipe.columns:
            person.room = rng.choice(("", "一号机房", "302"))
        if "seat" in recipe.columns:
            person.seat = rng.choice(("", "7", "12"))
        if "unit" in recipe.columns:
            person.unit = rng.choice(("东区培训中心", "三班"))
        if recipe.typed and rng.random() < 0.1:
            person.number, person.document = f"E{rng.randrange(10**7, 10**8)}", "passport"
        if self._wrong and rng.random() < 0.5:
            person.wrong = self._wrong.pop()
        self.people.append(person)
        return person

    def _head(self, row: int) -> Grid:
        recipe, rng = self.recipe, self.rng
        texts: list[Cell] = [recipe.headers[name] for name in recipe.columns]
        if self.unknown:
            texts[recipe.columns.index(self.unknown)] = _UNKNOWN[recipe.odd]
        if not recipe.two_rows:
            return [texts]
        upper, lower = list(texts), [""] * len(texts)
        done = set[int]()
        for pair, group in (
            (("theory", "skills"), rng.choice(("考试科目", "报考科目", "科目"))),
            (("occupation", "level"), rng.choice(("申报信息", "认定信息", "报考情况"))),
            (("phone", "employer"), "联系信息"),
        ):
            places = sorted(recipe.columns.index(name) for name in pair if name in recipe.columns)
            if len(places) == 2 and places[1] == places[0] + 1 and not done & set(places):
                done |= set(places)
                upper[places[0]], upper[places[1]] = group, ""
                lower[places[0]], lower[places[1]] = str(texts[places[0]]), str(texts[places[1]])
                self._merged.append((row, places[0], row, places[1]))
        if not done:
            return [texts]
        self._merged += [(row, place, row + 1, place) for place in range(len(texts)) if place not in done]
        return [upper, [*lower]]

    def _lines(self, person: Sent, n: int, *, first_unit: bool) -> list[list[Cell]]:
        if self.recipe.rows_per != "paper":
            return [self._line(person, n, list(person.papers), first_unit=first_unit)]
        lines = []
        for at, paper in enumerate(person.papers):
            line = self._line(person, n, [paper], first_unit=first_unit and not at)
            lines.append(line)
        return lines

    def _line(self, person: Sent, n: int, papers: list[str], *, first_unit: bool) -> list[Cell]:
        cells = {name: self._cell(name, person, n, papers) for name in self.recipe.columns}
        if "employer" in cells and not first_unit and self.recipe.unit and self.recipe.container in _MERGING:
            cells["employer"] = ""
        if person.wrong or self.recipe.odd == "twin_differs":
            damage(person, cells, self.recipe, self.rng)
        return [cells[name] for name in self.recipe.columns]

    def _cell(self, name: str, person: Sent, n: int, papers: list[str]) -> Cell:
        recipe, rng = self.recipe, self.rng
        match name:
            case "name":
                return person.name
            case "type":
                return {"resident_id": rng.choice(("居民身份证", "身份证")), "passport": "护照"}[
                    person.document
                ]
            case "number":
                return self._number(person)
            case "level":
                said = (
                    self._level[person.level]
                    if recipe.level_style == "one"
                    else rng.choice(LEVELS[person.level])
                )
                return int(said) if said in {"2", "3"} and self.typed else said
            case "occupation":
                return rng.choice(_NAMES[recipe.occupation])
            case "both":
                word = {"3": "三级", "2": "二级"}[person.level]
                return rng.choice(
                    (f"客户服务管理员（{word}）", f"客户服务管理员{word}", f"{word}客户服务管理员")
                )
            case "paper":
                theory, skills, both = self._paper
                if len(papers) == 2:
                    return both.format(t=theory, s=skills)
                return theory if papers == ["theory"] else skills
            case "theory" | "skills":
                if name not in papers:
                    return self._no
                if recipe.kinds == "marks":
                    return {"first": "新考", "retake": "补考"}[person.papers[name]]
                return int(self._yes) if self._yes == "1" and self.typed else self._yes
            case "kind":
                if "是否" in recipe.headers["kind"] and recipe.odd != "kind":
                    return {"first": rng.choice(("否", "新考")), "retake": rng.choice(("是", "补考"))}[
                        person.papers[papers[0]]
                    ]
                return {"first": rng.choice(("新考", "首次", "正考")), "retake": "补考"}[
                    person.papers[papers[0]]
                ]
            case "note":
                return "补考" if recipe.kinds == "note" and person.papers[papers[0]] == "retake" else ""
            case "gender":
                return "男" if person.male else "女"
            case "employer":
                return person.employer
            case "phone":
                if not person.phone:
                    return rng.choice(("", "无", "/", "-"))
                return int(person.phone) if self.typed else person.phone
            case "extra":
                return {(30, "1"): "加时30分钟", (0, "1.5"): "1.5倍", (15, "1"): "15"}.get(
                    (person.minutes, person.factor), rng.choice(("", "无"))
                )
            case "when":
                if not person.day:
                    return rng.choice(("", "", "待定"))
                half = {"am": "上午", "pm": "下午"}[person.half]
                return rng.choice((f"2026-10-12 {half}", f"2026年10月12日{half}", f"2026/10/12{half}"))
            case "held":
                other = {"3": "2", "2": "3"}[person.level]
                differs = recipe.odd == "twin_differs"
                return {"3": "三级", "2": "二级"}[other if differs else person.level]
            case "room":
                return person.room
            case "seat":
                return f"{int(person.seat):02d}" if person.seat else ""
            case "unit":
                return person.unit
            case "序号":
                return n + 1 if self.typed else str(n + 1)
            case _:
                return rng.choice(JUNK[name])

    def _number(self, person: Sent) -> Cell:
        number, rng = person.number, self.rng
        if not self.recipe.mended:
            return number
        return rng.choice(
            (
                number,
                f" {number}",
                f"{number[:6]} {number[6:14]} {number[14:]}",
                number.lower(),
                f"'{number}",
                "".join(chr(ord(c) + 0xFEE0) for c in number),
                f"\u3000{number}\u3000",
                f"{number}\n",
                f"’{number}",
            )
        )


def _foot(kind: str, recipe: Recipe, rng: random.Random) -> list[Cell]:
    width = len(recipe.columns)
    line: list[Cell] = [""] * width
    match kind:
        case "sum":
            line[0] = rng.choice(("合计", "总计：", "合计人数", "小计", "共12人", "合  计"))
            line[-1] = rng.choice(("12", "12人", ""))
        case "signer":
            line[0] = rng.choice(
                (
                    "经办人：张三",
                    "填表人：",
                    "审核人（签字）：",
                    "单位盖章：",
                    "单位（盖章）：",
                    "联系人：李四",
                )
            )
            line[width // 2] = rng.choice(("联系电话：13800000000", "审核人：王五", "", "日期：2026年9月1日"))
        case "remark":
            line[0] = rng.choice(("注：身份证号须为文本格式", "备注：补考人员请注明", "说明：1.本表一式两份"))
        case _:
            line[0] = rng.choice(("第 1 页 共 2 页", "以上人员均符合申报条件"))
    return line
