"""The fields of a person: what readers, templates, checks, pages, prints, exports and erasure derive from.

A new field is an entry of `DETAILS`, a column of `Candidate` with its migration, and its texts in both languages:
`candidates.<name>`, `candidates.column.<name>`, `candidates.template.column.<name>`, and the two sentences each of
`correction.<name>` and, where a roster's cell can be refused for more than its length, of `roster.<name>`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flask_babel import gettext

from cbt.errors import InvalidInput
from cbt.http.form_values import one_line
from cbt.personal.cell_values import GENDER_NAMES, gender_of
from cbt.personal.identity import PHONE, mask_phone
from cbt.spreadsheets.columns import Column
from cbt.storage.crypto import readable, seal


class FieldKind(StrEnum):
    """How a value is read and typed."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "tel"


class Erasure(StrEnum):
    """When a field goes: never while the person is kept, with the records of the last batch, or on request, too."""

    WITH_THE_PERSON = "with_the_person"
    AT_THE_END = "at_the_end"
    ON_REQUEST = "on_request"


@dataclass(frozen=True, slots=True)
class PersonField:
    """A field of a person: how it is read, kept and shown, and when it goes.

    `headers` are those that a list of people has for it, the templates' first; `most` is its longest, in signs;
    `names` are what lists call each code of a choice, and `coded` gives the code of what a cell says, or None;
    `sealed` is the purpose it is sealed for, "" for a field in clear.

    `ditto`: a line may be as the one above. `printed`: it stands on the 准考证. `listed`: lists of people show
    it. `searched`: people are found by a part of it; in clear only. `applied`: member units give it with an
    application. `uploaded`: a file of certificates can hold it.
    """

    name: str
    headers: tuple[str, ...]
    erased: Erasure
    kind: FieldKind = FieldKind.TEXT
    required: bool = False
    most: int = 0
    width: int = 13
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coded: Callable[[str], str | None] = str
    pattern: str = ""
    sealed: str = ""
    mask: Callable[[str], str] = str
    ditto: bool = False
    printed: bool = False
    listed: bool = False
    searched: bool = False
    applied: bool = False
    uploaded: bool = True

    @property
    def column(self) -> str:
        """The column that holds it."""
        return f"{self.name}_sealed" if self.sealed else self.name

    @property
    def nothing(self) -> str | None:
        """What stands in the column where nobody said anything."""
        return None if self.sealed else ""

    @property
    def label(self) -> str:
        """The id of what pages call it."""
        return f"candidates.{self.name}"

    @property
    def title(self) -> str:
        """What pages call it, in the reader's language."""
        return str(gettext(self.label))

    def sheet_column(self, *, title: str = "", width: int = 0) -> Column:
        """Return the column of a list of people, with another title or width where a form of the field has one."""
        headers = (title, *(header for header in self.headers if header != title)) if title else self.headers
        return Column(self.name, headers, self.required, width or self.width)

    def matches(self, text: str) -> bool:
        """Return whether a number is written as one of this field."""
        return re.fullmatch(self.pattern, text) is not None

    def checked(self, text: str) -> str:
        """Return what a page sends as it is kept; raise InvalidInput("correction.<name>"), ("text.unseen")."""
        if self.kind is FieldKind.TEXT:
            kept = one_line(text, self.name)
            sound = len(kept) <= self.most
        elif self.kind is FieldKind.NUMBER:
            kept = "".join(unicodedata.normalize("NFKC", text).split())
            sound = not kept or self.matches(kept)
        else:
            kept, sound = text, not text or text in self.names
        if not sound:
            raise InvalidInput(f"correction.{self.name}", field=self.name)
        return kept

    def stored(self, value: str) -> str | bytes | None:
        """Return a value as its column holds it."""
        if not value:
            return self.nothing
        return seal(value, self.sealed) if self.sealed else value

    def value_of(self, row: object) -> str | None:
        """Return what is known of somebody, "" for nothing, None for what was sealed under a lost key."""
        held: str | bytes | None = getattr(row, self.column)
        return readable(held, self.sealed) if isinstance(held, bytes) else held or ""

    def masked_of(self, row: object) -> str:
        """Return what pages and unrevealed files may show of somebody."""
        return self.mask(self.value_of(row) or "")

    def cell(self, value: str) -> str:
        """Return a value as a list of people has it; a code by its first name."""
        return self.names[value][0] if value in self.names else value

    def worded(self, value: str) -> str:
        """Return a value as pages say it; a code in words."""
        return str(gettext(f"{self.label}.{value}")) if value in self.names else value


IDENTITY: Mapping[str, PersonField] = {
    one.name: one
    for one in (
        PersonField(
            "name",
            ("姓名", "考生姓名", "名字", "学员姓名", "申报人", "申报人姓名", "申请人姓名", "人员姓名", "员工姓名",
             "考生", "name"),
            Erasure.WITH_THE_PERSON,
            required=True,
        ),
        PersonField(
            "document_type",
            ("证件类型", "证件种类", "有效证件类型", "身份证件类型", "证件名称", "证件类别", "document type"),
            Erasure.WITH_THE_PERSON,
            ditto=True,
        ),
        PersonField(
            "document_number",
            ("证件号码", "证件号", "身份证号", "身份证号码", "身份证件号码", "有效证件号码", "身份证",
             "居民身份证号码",
             "居民身份证号", "公民身份号码", "公民身份证号码", "身份号码", "身份证件号", "有效证件号", "证件编号",
             "身份证编号", "document number"),
            Erasure.WITH_THE_PERSON,
            required=True,
            width=24,
        ),
    )
}  # fmt: skip
"""Who somebody is: door, ledger and register of certificates rest on these, which have rules of their own."""

DETAILS: Mapping[str, PersonField] = {
    one.name: one
    for one in (
        PersonField(
            "gender",
            ("性别", "gender"),
            Erasure.AT_THE_END,
            FieldKind.CHOICE,
            names=GENDER_NAMES,
            coded=gender_of,
        ),
        PersonField(
            "phone",
            ("手机", "手机号", "手机号码", "联系电话", "移动电话", "电话", "联系方式", "联系手机", "电话号码",
             "本人电话", "联系电话手机", "手机电话", "phone"),
            Erasure.ON_REQUEST,
            FieldKind.NUMBER,
            most=20,
            width=16,
            pattern=r"\+?[0-9-]{7,20}",
            sealed=PHONE,
            mask=mask_phone,
        ),
        PersonField(
            "employer",
            ("工作单位", "单位", "单位名称", "所在单位", "工作单位名称", "所在单位名称", "企业名称", "公司名称",
             "用人单位", "所属单位", "就职单位", "单位全称", "公司", "企业", "employer"),
            Erasure.AT_THE_END,
            most=120,
            width=28,
            ditto=True,
            printed=True,
            listed=True,
            searched=True,
        ),
        PersonField(
            "staff_number",
            ("工号", "员工号", "员工编号", "职工号", "职工编号", "人员编号", "staff number"),
            Erasure.AT_THE_END,
            most=30,
            width=16,
            printed=True,
            searched=True,
            applied=True,
        ),
    )
}  # fmt: skip
"""What else is known of somebody, by name, in the order of lists and pages."""

FIELDS: Mapping[str, PersonField] = {**IDENTITY, **DETAILS}


def person_details(*, listed: bool = False) -> dict[str, PersonField]:
    """Return the details by name; those alone that lists of people have a column of when `listed`."""
    return {name: detail for name, detail in DETAILS.items() if detail.listed or not listed}


def detail_facts(row: object, *, printed: bool = False) -> list[tuple[str, str]]:
    """Return the title of each detail, or of those on the 准考证, and what pages may show of it for somebody."""
    return [
        (detail.title, detail.worded(detail.masked_of(row)) or "—")
        for detail in DETAILS.values()
        if detail.printed or not printed
    ]


def checked_details(sent: Mapping[str, str]) -> dict[str, str]:
    """Return the details that a page sends, as they are kept, "" for one it does not; raise as `checked` does."""
    return {name: detail.checked(sent.get(name, "")) for name, detail in DETAILS.items()}
