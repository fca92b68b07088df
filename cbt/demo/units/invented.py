"""The demo's member units and whom they apply for; all of them are invented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
ACCEPTED = (
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
