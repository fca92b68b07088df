"""The demo's invented people and member units: numbers, rosters, portraits, and how they are enrolled."""

from __future__ import annotations

import csv
import io
import random
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select

from cbt.blueprints.store import blueprint_of, current_version
from cbt.demo.world import ACTOR
from cbt.enrolment.agreements import AgreementForm, make_agreement
from cbt.enrolment.applications.application import (
    ACCEPTED,
    REFUSED,
    ApplicantVerdict,
    ApplicationForm,
    Applying,
    check_proofs,
    decide,
    earliest_day,
    make_application,
    submit,
    take_step,
    withdraw,
)
from cbt.enrolment.applications.people import enter_person
from cbt.enrolment.fees.accounts import PaymentForm, record_payment
from cbt.enrolment.models import Applicant, UnitApplication
from cbt.enrolment.office_decisions import holidays_of
from cbt.enrolment.units import Issued, UnitForm, add_unit, invite_clerk
from cbt.http.i18n import local_day
from cbt.rules.enrolment.conditions import RequiredProof
from cbt.rules.roles import Role
from cbt.rules.states import ApplicationEvent
from cbt.storage.unit_of_work import reading

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
        return self.name in _WOMEN


def invent(rng: random.Random, given: set[str]) -> list[Invented]:
    """Return the 30 candidates, their numbers drawn from `rng` as `invented_number` does."""
    people = []
    for index, name in enumerate(_NAMES):
        level, paper = FIRST[index % len(FIRST)]
        people.append(
            Invented(
                name, invented_number(rng, given, woman=name in _WOMEN), level, paper, rng.choice(_EMPLOYERS)
            )
        )
    return people


def invented_number(rng: random.Random, given: set[str], *, woman: bool) -> str:
    """Return a well formed number of a resident card that is nobody's, nor among those `given`, which it joins."""
    while True:
        born = f"{rng.randint(1975, 2001)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
        serial = rng.randrange(900, 999, 2) + (0 if woman else 1)
        body = f"310117{born}{serial:03d}"
        check = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11
        number = body + _CHECK[check]
        if number not in given:
            given.add(number)
            return number


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


LEVEL = "customer-service-l3"


@dataclass(frozen=True, slots=True)
class InventedUnit:
    """A unit, whom to ask there, and since how many days its agreement of a year runs."""

    name: str
    credit_code: str
    contact: str
    phone: str
    address: str
    agreed: int


UNITS = (
    InventedUnit(
        "浦悦物流有限公司", "91310115MADEMX01XF", "钟敏", "021-5550 0101", "上海市浦东新区申江路 1800 号", 150
    ),
    InventedUnit(
        "云桥信息服务有限公司", "91310117MADEMX02XD", "白桦", "021-5550 0202", "上海市松江区文诚路 600 号", 90
    ),
    # The agreement of the last one is about to end: it is on the list of those to renew.
    InventedUnit(
        "和光家电售后服务有限公司",
        "91310107MADEMX03XY",
        "叶童",
        "021-5550 0303",
        "上海市普陀区中江路 388 号",
        342,
    ),
)

_EXPERIENCED = {"years": "6", "education": "junior_college", "major": "市场营销", "school": "示例职业学院"}
_RELATED = {"years": "1", "education": "bachelor", "major": "电子商务", "school": "示例大学"}
_OTHER = {"years": "3", "education": "junior_college", "major": "机电一体化技术", "school": "示例职业学院"}
_LONG = {"years": "8", "education": "secondary", "school": "示例职业学校"}
_UNKNOWN = {"years": "0", "education": "bachelor", "major": "应用语言服务", "school": "示例大学"}
_NOT_YET = {"years": "2", "education": "secondary", "school": "示例中学"}


@dataclass(frozen=True, slots=True)
class InventedApplicant:
    """Somebody who is applied for: name, whether a woman, what Annex 1 says of them."""

    name: str
    woman: bool
    told: Mapping[str, str]
    post: str = "客服专员"


DONE = (
    InventedApplicant("陶然", False, _EXPERIENCED, "客服主管"),
    InventedApplicant("顾晓雯", True, _RELATED),
    InventedApplicant("施文杰", False, _LONG),
    InventedApplicant("卢倩", True, _EXPERIENCED, "投诉处理专员"),
)
WITHDRAWN = (InventedApplicant("戴军", False, _EXPERIENCED),)
TURNED_DOWN = (InventedApplicant("夏雨荷", True, _NOT_YET),)
SCHEDULED = (
    InventedApplicant("尹航", False, _RELATED),
    InventedApplicant("武婷婷", True, _EXPERIENCED, "客服组长"),
    InventedApplicant("钱伟民", False, _EXPERIENCED, "客服主管"),
)
WAS_ACCEPTED = (
    InventedApplicant("金晶", True, _RELATED),
    InventedApplicant("康宁", False, _LONG),
    InventedApplicant("邵敏", True, _EXPERIENCED),
)
RETURNED = (
    InventedApplicant("龚雪", True, _RELATED),
    InventedApplicant("汤圆圆", True, _EXPERIENCED),
)
SUBMITTED = (
    InventedApplicant("贺建华", False, _EXPERIENCED, "客服经理"),
    InventedApplicant("司徒静怡", True, _UNKNOWN),
    InventedApplicant("葛飞", False, _NOT_YET),
    InventedApplicant("洪涛", False, _OTHER),
)
DRAFT = (InventedApplicant("柏青", True, _RELATED),)


@dataclass
class Enrolment:
    """Enters what happened before the demo's day, each act on the day it would have had, in their order."""

    now: datetime
    rng: random.Random
    numbers: set[str] = field(default_factory=set)
    """Those of the cards of everybody invented so far: two people with one number are refused."""
    units: list[str] = field(default_factory=list)
    clerks: list[Issued] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [unit.contact for unit in UNITS]

    def ago(self, days: int) -> Applying:
        now = self.now - timedelta(days=days)
        return Applying(ACTOR, now, local_day(now), unit_id=None)

    def begin(self, days: int) -> None:
        """Enter the units and their agreements, and give each a clerk."""
        by = self.ago(days)
        for number, unit in enumerate(UNITS, 1):
            form = UnitForm(unit.name, unit.credit_code, unit.contact, unit.phone, unit.address, "")
            ref = add_unit(form, now=by.now, actor=ACTOR)
            since = local_day(self.now) - timedelta(days=unit.agreed)
            agreement = AgreementForm("", since, unit.contact, "沈慧", "")
            make_agreement(ref, agreement, today=by.today, now=by.now, actor=ACTOR)
            clerk = invite_clerk(
                ref, login=f"danwei{number}", name=unit.contact, now=by.now, actor=ACTOR, rng=self.rng
            )
            self.units.append(ref)
            self.clerks.append(clerk)

    def apply(
        self,
        unit: int,
        people: Sequence[InventedApplicant],
        days: int,
        *,
        level: str = LEVEL,
    ) -> str:
        """Draft an application for the first day that the notice allows, with its people, and return its ref."""
        by = self.ago(days)
        with reading() as session:
            blueprint = blueprint_of(session, current_version(session, level).id)
            day = earliest_day(blueprint, by.today, holidays_of(session)).day
        ref = make_application(self.units[unit], ApplicationForm(level, day.isoformat(), ""), by)
        for person in people:
            number = invented_number(self.rng, self.numbers, woman=person.woman)
            facts = {"department": "客户服务部", "post": person.post, "insured": "yes"} | dict(person.told)
            if "major" in facts:
                facts |= {
                    "diploma_number": f"示例{self.rng.randrange(10**8):08d}",
                    "graduated_on": "2016-06-30",
                }
            phone = f"1380000{self.rng.randrange(10**4):04d}"
            sent = {
                "name": person.name,
                "document_type": "resident_id",
                "document_number": number,
                "phone": phone,
            }
            enter_person(ref, sent | {"kind": "first"} | facts, tuple(blueprint.papers), by)
        return ref

    def hand_in(self, ref: str, days: int) -> None:
        submit(ref, late_reason="", by=self.ago(days))

    def step(self, ref: str, event: ApplicationEvent, days: int, *, words: str = "") -> None:
        take_step(ref, event, words=words, by=self.ago(days))

    def accept(self, ref: str, days: int) -> None:
        everything = [proof.value for proof in RequiredProof]
        for person in people_of(ref):
            check_proofs(ref, person, received=everything, checked=everything, by=self.ago(days))
        decide(ref, people_of(ref), ApplicantVerdict(ACCEPTED, None, ""), self.ago(days))
        self.step(ref, ApplicationEvent.ACCEPT, days)

    def pay(self, unit: int, amount: str, days: int, *, pays: str) -> None:
        by = self.ago(days)
        name, reference = UNITS[unit].name, f"示例流水{days:03d}{unit}"
        form = PaymentForm(by.today.isoformat(), amount, "transfer", name, reference, "", pays)
        record_payment(self.units[unit], form, by)

    def before(self) -> tuple[str, date]:
        """Enter what led to the batch that is over; return its application and the day of its exam."""
        self.begin(80)
        done = self.apply(0, DONE, 75)
        self.hand_in(done, 75)
        self.accept(done, 72)
        self.pay(0, "1120.00", 66, pays=done)
        return done, day_of(done)

    def lately(self, register: Callable[[str, date], object]) -> None:
        """Enter what is under way: an application in every state that is not over, and two that came to nothing.

        `register` puts the people of one, who are to sit on a day, into the next batch.
        """
        withdrawn = self.apply(2, WITHDRAWN, 26)
        self.hand_in(withdrawn, 26)
        withdraw(withdrawn, words="参评人员工作调动，本次不参加。", by=self.ago(24))
        refused = self.apply(2, TURNED_DOWN, 23)
        self.hand_in(refused, 23)
        words = "从事本职业工作未满 5 年，满足年限后可再次申请。"
        decide(refused, people_of(refused), ApplicantVerdict(REFUSED, None, words), self.ago(21))
        self.step(refused, ApplicationEvent.REFUSE, 21, words=words)
        scheduled = self.apply(1, SCHEDULED, 20)
        self.hand_in(scheduled, 20)
        self.accept(scheduled, 17)
        register(scheduled, day_of(scheduled))
        self.pay(1, "840.00", 13, pays=scheduled)
        accepted = self.apply(0, WAS_ACCEPTED, 12)
        self.hand_in(accepted, 12)
        self.accept(accepted, 9)
        returned = self.apply(1, RETURNED, 5)
        self.hand_in(returned, 5)
        self.pay(0, "560.00", 3, pays=accepted)
        self.step(
            returned, ApplicationEvent.SEND_BACK, 2, words="龚雪的毕业证书编号与证书不符，请核对后重新提交。"
        )
        self.hand_in(self.apply(0, SUBMITTED, 2), 2)
        self.apply(1, DRAFT, 0)


def day_of(ref: str) -> date:
    with reading() as session:
        return UnitApplication.by_ref(session, ref, unknown="application.unknown").preferred_on


def people_of(ref: str) -> list[str]:
    with reading() as session:
        application = UnitApplication.by_ref(session, ref, unknown="application.unknown")
        query = select(Applicant.ref).where(Applicant.application_id == application.id)
        return list(session.scalars(query.order_by(Applicant.id)))
