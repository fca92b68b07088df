"""What the papers of one room's day say, each by a reader of its own, and the one comparison of what stands twice.

Record, lists and log are read as they are set; the board and the end's gate as their pages; the package as it is
written. A fact is a number, an instant or a set of names; what two papers say of it must be the same.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cbt.proctoring.record import RoomRecord
from cbt.proctoring.record_papers import PAPERS
from cbt.results.package.container import unpack

Facts = dict[str, Any]
ENDS = {
    "考生交卷": "by_candidate", "到时收卷": "by_deadline", "强制收卷": "by_proctor", "违纪终止": "by_violation",
    "疏散收卷": "by_evacuation", "到场未作答": "unanswered",
}  # fmt: skip
FIGURES = {
    "应考": "expected",
    "实考": "present",
    "缺考": "absent",
    "违纪": "violations",
    "其中违纪": "violations",
}
LOGGED_ENDS = {
    "交卷": "by_candidate", "到时收卷": "by_deadline", "强制收卷": "by_proctor", "到场未作答": "unanswered",
}  # fmt: skip
BOARD_ENDS = {
    "交卷": "by_candidate", "到时": "by_deadline", "强制": "by_proctor", "违纪终止": "by_violation",
    "疏散": "by_evacuation", "到场未作答": "unanswered",
}  # fmt: skip
BY_ITSELF = ("交卷", "考生交卷", "到时收卷")
"""Ends that nobody of the room brings about: the log's line stands at the instant of the end."""
CHINA = ZoneInfo("Asia/Shanghai")
_SPAN = re.compile(r"(?:(\d+) 分)? ?(?:(\d+) 秒)?")
_PERSON = re.compile(r"(\d\d) (\S+)")


def seconds(words: str) -> int:
    minutes, rest = _SPAN.match(words).groups()  # type: ignore[union-attr]  # it matches everything
    return int(minutes or 0) * 60 + int(rest or 0)


def clock(instant: str | None) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(CHINA):%H:%M:%S}" if instant else "–"


def people(words: str) -> frozenset[str]:
    """Return the names of a list of seats: 07 王小明、08 李娜."""
    return frozenset(name for _seat, name in _PERSON.findall(words.replace("、", " ")))


def ends_of(names: Mapping[str, set[str]]) -> Facts:
    """Return the names and the number of those who ended in each way."""
    found: Facts = {}
    for place in ENDS.values():
        found[f"names of {place}"] = frozenset(names.get(place, ()))
        found[place] = len(names.get(place, ()))
    return found


def of_record(record: RoomRecord) -> Facts:
    sheet = PAPERS["room_record"].gather(record)
    happened, about = dict(sheet["happened"]), dict(sheet["about"])
    found: Facts = {FIGURES[label]: int(number) for label, number in sheet["figures"]}
    found |= {ENDS[label]: int(number) for label, number in sheet["ends"]}
    found |= {
        "names of absent": people(happened["缺考"]),
        "names of unanswered": people(happened["到场未作答"]),
        "names of violations": people(happened["违纪"]),
        "started": about["实际开考"],
        "ended": about["结束时间"],
        "moved": _times(happened["换机"]),
        "cut": _times(happened["断线"]),
        "evacuated": Counter(re.findall(r"(紧急疏散|签认紧急疏散)", happened.get("紧急疏散", ""))),
        "room time": Counter(_room_time(happened["全场补时、延时"])),
        "hands": _times(happened["举手"]),
        "hands by reason": Counter(
            {
                reason: int(number)
                for reason, number in re.findall(r"(网络|题目|身体|其他) (\d+)", happened["举手"])
            }
        ),
    }
    alone = re.match(r"(\d+) 人 (\d+) 次，共 (.+)", happened["个别补时、延时"])
    found["own time"] = (int(alone[1]), int(alone[2]), seconds(alone[3])) if alone else (0, 0, 0)
    return found


def _times(words: str) -> int:
    number = re.match(r"\d+", words)
    return int(number[0]) if number else 0


def _room_time(words: str) -> Iterator[int]:
    for span in re.findall(r"(?:补时|延时) ((?:\d+ 分)? ?(?:\d+ 秒)?)", words):
        yield seconds(span)


def of_log(record: RoomRecord) -> Facts:
    names: defaultdict[str, set[str]] = defaultdict(set)
    given: list[tuple[str, int]] = []
    room_time: Counter[int] = Counter()
    found: Facts = {"moved": 0}
    left: dict[str, str] = {}
    hands: Counter[str] = Counter()
    evacuated: Counter[str] = Counter()
    for _number, at, text in PAPERS["room_log"].gather(record)["parts"][0]["rows"]:
        sentence = text.partition("\n")[0]
        if "统一开考" in sentence:
            found["started"] = at
        if end := re.search(r"应考 (\d+)，实考 (\d+)，缺考 (\d+)", sentence):
            found |= dict(zip(("expected", "present", "absent"), map(int, end.groups()), strict=True))
            found["ended"] = at
        for word in re.findall(r"(签认紧急疏散|紧急疏散)", sentence):
            evacuated[word] += 1
        if back := re.search(r"全场(?:补时|延时) ((?:\d+ 分)? ?(?:\d+ 秒)?)", sentence):
            room_time[seconds(back[1])] += 1
        for name, said in _each(text):
            _read_line(name, said, names, given, found)
            if said.startswith(("恢复作答", "强制收卷")):
                left.pop(name, None)
            elif said.startswith(BY_ITSELF):
                left[name] = at
            if hand := re.match(r"举手：(\S+)", said):
                hands[hand[1]] += 1
    found |= ends_of(names)
    found["evacuated"] = evacuated
    found["room time"] = room_time
    found |= {"hands": hands.total(), "hands by reason": hands, "left at": left}
    found["names of absent"] = frozenset(names["absent"])
    found["names of violations"] = frozenset(names["violations"])
    found["names of cut"] = frozenset(names["cut"])
    found["own time"] = (len({name for name, _ in given}), len(given), sum(span for _, span in given))
    return found


def _read_line(
    name: str, said: str, names: defaultdict[str, set[str]], given: list[tuple[str, int]], found: Facts
) -> None:
    """Take in what one line says of one person; who ended anew ended so, and no longer as before."""
    ended = next((place for word, place in LOGGED_ENDS.items() if said.startswith(word)), "")
    if "违纪：" in said:
        names["violations"].add(name)
    elif ended or said.startswith("恢复作答"):
        for place in LOGGED_ENDS.values():
            names[place].discard(name)
        if ended:
            names[ended].add(name)
    elif said.startswith("缺考"):
        names["absent"].add(name)
    elif said.startswith("撤销缺考"):
        names["absent"].discard(name)
    elif said.startswith(("允许换机", "换绑")):
        found["moved"] += 1
    elif said.startswith(("撤销允许换机", "撤销换绑")):
        found["moved"] -= 1
    elif said.startswith("连接中断"):
        names["cut"].add(name)
    elif span := re.match(r"(?:断网)?(?:补时|延时) (.+?)(?: ·|（|$)", said):
        given.append((name, seconds(span[1])))


def _each(text: str) -> Iterator[tuple[str, str]]:
    """Yield whom a line is about with what it says; of a line about several each with what is theirs."""
    sentence, _, below = text.partition("\n")
    if not below:
        if alone := re.match(r"\d\d (\S+) (.*)", sentence):
            yield alone[1], alone[2]
    elif many := re.match(r"\d+ 人 (.*)", sentence):
        for one in below.split("、"):
            person = re.match(r"\d\d (\S+)(?: · (.*))?", one)
            assert person is not None, text
            yield person[1], many[1].replace("各自时长", person[2] or "")


def of_attendance(record: RoomRecord) -> Facts:
    names: defaultdict[str, set[str]] = defaultdict(set)
    rows = PAPERS["attendance"].gather(record)["parts"][0]["rows"]
    came, left_at = {}, {}
    for seat, name, ticket, arrived, identity, signed_in, left, _signature in rows:
        at, _, how = left.partition("\n")
        names["absent" if arrived == "缺考" else ENDS.get(how, "")].add(name)
        if arrived != "缺考":
            came[name] = (seat, ticket, arrived, identity.partition("\n")[0], signed_in)
        if how in BY_ITSELF:
            left_at[name] = at
    return {
        **ends_of(names),
        "came": came,
        "left at": left_at,
        "expected": len(rows),
        "absent": len(names["absent"]),
        "names of absent": frozenset(names["absent"]),
    }


def of_absences(record: RoomRecord) -> Facts:
    absent, unanswered, breaches, *_withdrawn = PAPERS["absences"].gather(record)["parts"]
    found: Facts = {
        f"names of {name}": frozenset(row[1] for row in part["rows"])
        for name, part in (("absent", absent), ("unanswered", unanswered), ("violations", breaches))
    }
    return found | {"absent": _heading(absent), "unanswered": _heading(unanswered)}


def of_changes(record: RoomRecord) -> Facts:
    moved, given, _stood, cut, _out = PAPERS["changes"].gather(record)["parts"]
    held = [row for row in given["rows"] if "已撤销" not in row[3]]
    alone = [row for row in held if row[1] != "–" and row[0] != "开考前"]
    return {
        "moved": _heading(moved),
        "cut": _heading(cut),
        "names of cut": frozenset(row[3] for row in cut["rows"]),
        "own time": (
            len({row[2] for row in alone}),
            len(alone),
            sum(seconds(row[3].split(" ", 1)[1]) for row in alone),
        ),
        "room time": Counter(seconds(row[3].split(" ", 1)[1]) for row in held if row[1] == "–"),
        "waiting after the end": sum("待处理" in row[5] for row in cut["rows"]),
    }


def _heading(part: Mapping[str, Any]) -> int:
    number = re.search(r"（(\d+) ", part["heading"])
    assert number is not None, part["heading"]
    return int(number[1])


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def of_gate(html: str) -> Facts:
    """Read the dialog of 结束场次: its balance, and where everybody stands."""
    found: Facts = {}
    figures = re.search(r'<ul class="figures num">(.*?)</ul>', html, re.DOTALL)
    assert figures is not None
    for number, label in re.findall(r"(\d+) (应考|实考|缺考)", plain(figures[1])):
        found[FIGURES[label]] = int(number)
    for label, number in re.findall(r"<dt>(.*?)</dt>\s*<dd>\s*(\d+)\s*</dd>", html, re.DOTALL):
        found[{**ENDS, **FIGURES}[plain(label)]] = int(number)
    return found


def of_board(html: str) -> Facts:
    """Read the board of a room that is over: the count line, and every tile."""
    counts = re.search(r'id="live-counts".*?</ul>', html, re.DOTALL)
    assert counts is not None
    found: Facts = {
        FIGURES[label]: int(number)
        for number, label in re.findall(r"(\d+) (应考|实考|缺考)", plain(counts[0]))
    }
    names: defaultdict[str, set[str]] = defaultdict(set)
    for tile in re.findall(r'<li class="seat [^"]*" id="seat-.*?</li>', html, re.DOTALL):
        name = re.search(r'<span class="name" title="([^"]*)"', tile)
        assert name is not None
        doing = re.search(r'<span class="doing">(.*?)</span>', tile)
        names[BOARD_ENDS[doing[1]] if doing else "absent"].add(name[1])
    return {**found, **ends_of(names), "names of absent": frozenset(names["absent"])}


def of_package(body: bytes, room_ref: str) -> Facts:
    """Read what a package says of one room; its names are those of the people's list."""
    members = unpack(body)
    room = next(one for one in json.loads(members["rooms.json"]) if one["ref"] == room_ref)
    persons = [one for one in json.loads(members["people.json"]) if one["room"] == room["name"]]
    names: defaultdict[str, set[str]] = defaultdict(set)
    called = {}
    for one in persons:
        names[one["standing"]].add(one["name"])
        called[one["registration"]] = one["name"]
    figures = room["figures"]
    given = [one for one in room["given"] if one["withdrawn_at"] is None]
    alone = [one for one in given if one["registration"] is not None]
    kinds = Counter(one["kind"] for one in room["log"])
    moved = sum(kinds[kind] for kind in ("move", "move_to", "rebind"))
    counts = {name: figures[name] for name in ("expected", "present", "absent", "violations", *ENDS.values())}
    return {
        **ends_of(names),
        **counts,
        "came": {
            one["name"]: (
                f"{one['seat']:02d}",
                one["ticket"],
                *(clock(one[at]) for at in ("arrived_at", "checked_in_at", "signed_in_at")),
            )
            for one in persons
            if one["absent_at"] is None
        },
        "names of absent": frozenset(names["absent"]),
        "names of violations": frozenset(
            called[one["registration"]]
            for one in room["reports"]
            if one["kind"] == "violation" and not one["withdrawn"]
        ),
        "started": clock(room["started_at"]),
        "ended": clock(room["ended_at"]),
        "hands": kinds["hand"],
        "moved": moved - kinds["undo_move"] - kinds["undo_rebind"],
        "room time": Counter(int(float(one["seconds"])) for one in given if one["registration"] is None),
        "own time": (
            len({one["registration"] for one in alone}),
            len(alone),
            int(sum(float(one["seconds"]) for one in alone)),
        ),
        "evacuated": Counter({"紧急疏散": kinds["evacuate"], "签认紧急疏散": kinds["countersign"]}),
    }


def of_papers(record: RoomRecord) -> dict[str, Facts]:
    """Read every paper that is made of a record; the request's language is Chinese."""
    readers = {
        "record": of_record, "log": of_log, "attendance": of_attendance, "absences": of_absences,
        "changes": of_changes,
    }  # fmt: skip
    return {name: read(record) for name, read in readers.items()}


def disagreements(papers: Mapping[str, Facts]) -> list[str]:
    """Return every fact that two papers tell differently, with what each says."""
    said: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for paper, facts in papers.items():
        for fact, value in facts.items():
            said[fact][paper] = value
    return [
        f"{fact}: {by_paper}"
        for fact, by_paper in said.items()
        if any(value != next(iter(by_paper.values())) for value in by_paper.values())
    ]


def told_once(papers: Mapping[str, Facts]) -> set[str]:
    """Return what stands in one place only, so that nothing is held against it."""
    times = Counter(fact for facts in papers.values() for fact in facts)
    return {fact for fact, count in times.items() if count == 1}
