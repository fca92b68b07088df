"""The invented people of the demo: their numbers, rosters and portraits."""

from __future__ import annotations

import csv
import io
import random
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from cbt.rules.roles import Role

STAFF: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("admin", "顾文清", (Role.ADMIN,)),
    ("kaowu", "沈慧", (Role.OFFICER,)),
    ("zhukao", "陆建平", (Role.CHIEF_PROCTOR,)),
    ("jiankao1", "李敏", (Role.PROCTOR,)),
    ("jiankao2", "周建国", (Role.PROCTOR,)),
    ("mingti", "秦岚", (Role.AUTHOR,)),
    ("shenti", "范哲", (Role.REVIEWER,)),
    ("dudao", "施远", (Role.INSPECTOR,)),
)
"""Login, name and roles: one person of every role that has something to do, and a second proctor.

A marker's work does not come up: every type of item is scored by itself.
"""

_NAMES = [
    "张伟", "李娜", "王芳", "刘强", "陈晨", "杨帆", "王小明", "黄丽", "赵敏", "周杰",
    "吴磊", "徐静", "孙悦", "马超", "朱琳", "胡军", "郭婧", "陈静", "林涛", "何洁",
    "高峰", "刘洋", "罗丹", "孙浩", "梁宇", "宋佳", "郑凯", "谢婷", "欧阳若曦", "阿依古丽·买买提",
]  # fmt: skip
_WOMEN = frozenset([
    "李娜", "王芳", "陈晨", "黄丽", "赵敏", "徐静", "孙悦", "朱琳", "郭婧", "陈静",
    "何洁", "罗丹", "宋佳", "谢婷", "欧阳若曦", "阿依古丽·买买提",
])  # fmt: skip
_EMPLOYERS = ("申江百货客服中心", "浦悦物流有限公司", "云桥信息服务有限公司", "和光家电售后服务部")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"

FIRST = (("三级", "理论知识"), ("三级", "专业能力"), ("二级", "理论知识"), ("二级", "专业能力"))
"""The first sitting mixes the four papers seat by seat."""
SECOND = {"理论知识": "专业能力", "专业能力": "理论知识"}
"""In the second sitting everybody sits the other paper of their level."""


@dataclass(frozen=True, slots=True)
class Invented:
    """An invented candidate."""

    name: str
    document: str
    level: str
    paper: str
    employer: str

    @property
    def woman(self) -> bool:
        """Return whether the portrait has long hair."""
        return self.name in _WOMEN


def invent(rng: random.Random) -> list[Invented]:
    """Return the 30 candidates, their numbers drawn from `rng` (well formed, given to nobody)."""
    people = []
    for index, name in enumerate(_NAMES):
        level, paper = FIRST[index % len(FIRST)]
        people.append(
            Invented(name, invented_number(rng, woman=name in _WOMEN), level, paper, rng.choice(_EMPLOYERS))
        )
    return people


def invented_number(rng: random.Random, *, woman: bool) -> str:
    """Return a well formed number of a resident card that is given to nobody."""
    born = f"{rng.randint(1975, 2001)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    serial = rng.randrange(900, 999, 2) + (0 if woman else 1)
    body = f"310117{born}{serial:03d}"
    return body + _CHECK[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def roster(people: Sequence[Invented], *, second: bool) -> bytes:
    """Return the roster (CSV, UTF-8) of a sitting."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(["姓名", "证件类型", "证件号码", "级别", "科目", "性别", "工作单位", "新考/补考"])
    for person in people:
        paper = SECOND[person.paper] if second else person.paper
        gender = "女" if person.woman else "男"
        row = (person.name, "身份证", person.document, person.level, paper, gender, person.employer, "新考")
        writer.writerow(row)
    return sheet.getvalue().encode("utf-8-sig")


WIDTH, HEIGHT = 150, 200
_GROUNDS = ((214, 228, 240), (226, 232, 214), (238, 226, 214), (222, 216, 236))
_SKINS = ((246, 216, 186), (238, 200, 168), (224, 184, 150), (250, 226, 204))
_HAIRS = ((38, 32, 30), (58, 42, 34), (24, 24, 28), (84, 60, 44))
_COATS = ((44, 82, 130), (90, 100, 116), (124, 58, 66), (46, 104, 88), (70, 62, 110))

Colour = tuple[int, int, int]


class _Canvas:
    """A small picture; ellipses are painted in order."""

    def __init__(self, ground: Colour) -> None:
        self.rows = [bytearray(bytes(ground) * WIDTH) for _ in range(HEIGHT)]

    def ellipse(
        self, cx: float, cy: float, rx: float, ry: float, colour: Colour, *, below: float = 0
    ) -> None:
        """Paint an ellipse, or the part of it that lies under the line `below`."""
        fill = bytes(colour)
        for y in range(max(0, int(max(cy - ry, below))), min(HEIGHT, int(cy + ry) + 1)):
            inside = 1 - ((y - cy) / ry) ** 2
            if inside <= 0:
                continue
            half = rx * inside**0.5
            left, right = max(0, round(cx - half)), min(WIDTH, round(cx + half))
            if right > left:
                self.rows[y][left * 3 : right * 3] = fill * (right - left)

    def png(self) -> bytes:
        """Return the picture as a PNG file."""
        body = b"".join(b"\0" + bytes(row) for row in self.rows)
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def portrait(*, seed: int, long_hair: bool) -> bytes:
    """Return the portrait (PNG, 150 × 200) that `seed` gives."""
    rng = random.Random(seed)
    skin, hair, coat = rng.choice(_SKINS), rng.choice(_HAIRS), rng.choice(_COATS)
    canvas = _Canvas(rng.choice(_GROUNDS))
    width, jaw = rng.uniform(32, 38), rng.uniform(42, 48)
    if long_hair:
        canvas.ellipse(75, 96, width + 14, 66, hair)
    canvas.ellipse(75, 214, 66, 62, coat)
    canvas.ellipse(75, 150, 15, 24, _darker(skin))
    canvas.ellipse(75, 164, 20, 14, (245, 245, 245))
    canvas.ellipse(75, 88, width + 3, jaw + 6, hair)
    canvas.ellipse(75, 94, width, jaw, skin, below=70 + rng.uniform(-3, 4))
    for side in (-1, 1):
        canvas.ellipse(75 + side * 14, 92, 3.2, 3.6, (40, 34, 34))
        canvas.ellipse(75 + side * 14, 82, 7, 1.8, hair)
    canvas.ellipse(75, 106, 3.5, 5, _darker(skin))
    canvas.ellipse(75, 119, 9, 2.6, (186, 96, 92))
    return canvas.png()


def _darker(colour: Colour) -> Colour:
    red, green, blue = colour
    return red * 9 // 10, green * 87 // 100, blue * 85 // 100
