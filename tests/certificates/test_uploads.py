"""Upload files: certificates in an authority's columns, with what is missing named first (R-93)."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select, update

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Candidate, Registration
from cbt.certificates.models import Certificate
from cbt.certificates.uploads import (
    CERTIFICATES,
    FIELDS,
    UploadChoice,
    _born_on,
    chosen,
    lines_of,
    read_choice,
)
from cbt.enrolment.models import Applicant
from cbt.errors import CbtError, InvalidInput
from cbt.personal import PHONE
from cbt.results import column_mapping
from cbt.results.column_mapping import (
    CONSTANT,
    HEADER,
    MOST_COLUMNS,
    NAME,
    TEXT,
    MappedColumn,
    MappedFile,
    MappingForm,
)
from cbt.results.models import Release, Result, UploadMapping
from cbt.storage.crypto import DOCUMENT, seal
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.candidates.rosters import resident
from tests.certificates.test_certificates import BOTH, LIST, candidate_id, given, qualify, set_parts
from tests.enrolment.test_applications import Desk, desk, unit
from tests.enrolment.test_units import officer
from tests.helpers import count_queries, flat
from tests.world import World

__all__ = ["desk", "officer", "unit"]

PAGE = f"{LIST}/uploads"
DAY = timedelta(days=1)
COLUMNS = {
    "证件号": "document_number",
    "姓名": "name",
    "项目": "constant",
    "发证": "issued_on",
    "技能": "skills",
    "备用": "constant",
}
MAPPING = {
    "name": "市人社局",
    "dates": "digits",
    "place": ["30", "20", "40", "50", "60", "70", ""],
    "header": [*COLUMNS, ""],
    "field": [*COLUMNS.values(), ""],
    "text": ["", "", "=认定", "", "", "", ""],
}


@pytest.fixture
def certified(world: World) -> list[Certificate]:
    qualify(world)
    set_parts(world)
    return given(world, *BOTH)


def saved(world: World) -> str:
    assert world.staff("officer").post(f"{PAGE}/new", data=MAPPING).status_code == 303
    with world.app.app_context(), reading() as session:
        return session.scalars(select(UploadMapping.ref)).one()


def score_everybody(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Result).values(score="72.5"))


def log_of(world: World, act: str) -> list[AuditEntry]:
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.act == act)))


@pytest.mark.once
def test_a_file_has_the_columns_of_its_mapping_in_their_order_and_is_put_on_record(
    world: World, certified: list[Certificate]
) -> None:
    score_everybody(world)
    officer, choice = world.staff("officer"), {"mapping": saved(world), "batch": world.batch_ref}
    with count_queries(world.app) as queries:
        shown = flat(officer.get(PAGE, query_string=choice).text)
    assert "2 份证书" in shown
    assert "各列内容齐全" in shown
    assert len(queries) <= 14
    files = {
        form: officer.post(f"{PAGE}/file", data=choice | {"form": form}) for form in ("xlsx", "utf8", "gbk")
    }
    book = CalamineWorkbook.from_filelike(io.BytesIO(files["xlsx"].data))
    in_book = book.get_sheet_by_index(0).to_python()
    assert in_book[0] == ["姓名", "证件号", "项目", "发证", "技能", "备用"]
    sitter = world.sitters["theory"]
    issued = f"{certified[0].issued_on:%Y%m%d}"
    assert in_book[1] == [sitter.name, sitter.document, "=认定", issued, "72.5", ""]
    assert len(in_book) == 3
    for form, codec in {"utf8": "utf-8-sig", "gbk": "gbk"}.items():
        in_csv = list(csv.reader(io.StringIO(files[form].data.decode(codec))))
        assert in_csv[1] == [sitter.name, sitter.document, "'=认定", issued, "72.5", ""]
    log = log_of(world, "certificate.upload")
    assert [json.loads(one.after)["file"] for one in log] == ["xlsx", "utf8", "gbk"]
    assert not any(sitter.name in one.after or sitter.document in one.after for one in log)
    for role in ("inspector", "admin", "proctor"):
        assert world.staff(role).post(f"{PAGE}/file", data=choice | {"form": "xlsx"}).status_code == 403


@pytest.mark.once
def test_what_is_missing_is_named_and_empty_only_where_that_was_said(
    world: World, certified: list[Certificate]
) -> None:
    day = certified[0].issued_on.isoformat()
    officer, choice = world.staff("officer"), {"mapping": saved(world), "since": day, "until": day}
    asked = choice | {"form": "gbk"}
    shown = flat(officer.get(PAGE, query_string=choice).text)
    assert "有些内容系统中没有" in shown
    assert f"{LIST}/{certified[0].ref}" in shown
    refused = officer.post(f"{PAGE}/file", data=asked)
    assert refused.status_code == 409
    assert "2 处内容系统中没有" in refused.text
    assert log_of(world, "certificate.upload") == []
    assert officer.post(f"{PAGE}/file", data=asked | {"blanks": "1"}).status_code == 200
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Certificate).values(name="𠮷野"))
    strange = officer.post(f"{PAGE}/file", data=asked | {"blanks": "1"})
    assert strange.status_code == 409
    assert "𠮷" in strange.text
    (noted,) = log_of(world, "certificate.upload")
    assert json.loads(noted.after)["left_empty"] == 2


@pytest.mark.once
def test_revoked_certificates_go_out_only_where_asked_for(world: World, certified: list[Certificate]) -> None:
    officer, choice = world.staff("officer"), {"mapping": "standard", "batch": world.batch_ref}
    for row in certified:
        assert officer.post(f"{LIST}/{row.ref}/revoke", data={"why": "有误"}).status_code == 303
    assert officer.get(PAGE, query_string=choice).status_code == 409
    shown = flat(officer.get(PAGE, query_string=choice | {"revoked": "1"}).text)
    assert "2 份证书" in shown
    assert "专业能力成绩" in shown.partition("缺少的内容")[2]
    assert officer.get(PAGE, query_string={"mapping": "standard"}).status_code == 422
    assert officer.get(PAGE, query_string=choice | {"mapping": "um-none"}).status_code == 404


@pytest.mark.once
def test_a_mapping_is_saved_changed_copied_and_removed(world: World) -> None:
    officer = world.staff("officer")
    wrong = {
        "name": "",
        "dates": "roman",
        "place": ["x", *MAPPING["place"][1:]],
        "header": ["姓名", *MAPPING["header"][1:]],
        "field": ["", *MAPPING["field"][1:]],
        "text": ["固定", *MAPPING["text"][1:]],
    }
    for key, value in wrong.items():
        assert officer.post(f"{PAGE}/new", data=MAPPING | {key: value}).status_code == 422, key
    ref = saved(world)
    assert officer.post(f"{PAGE}/new", data=MAPPING).status_code == 409
    assert "市人社局" in officer.get(PAGE).text
    own = officer.get(f"{PAGE}/{ref}").text
    assert 'value="市人社局"' in own
    assert own.index('value="姓名"') < own.index('value="证件号"')
    assert officer.get(f"{PAGE}/standard").location == f"{PAGE}/new"
    assert officer.get(f"{PAGE}/um-none").status_code == 404
    copied = officer.get(f"{PAGE}/new?from={ref}").text
    assert copied.index('value="姓名"') < copied.index('value="证件号"')
    assert officer.post(f"{PAGE}/{ref}", data=MAPPING | {"name": "省厅"}).status_code == 303
    assert officer.post(f"{PAGE}/{ref}/remove").status_code == 303
    assert officer.post(f"{PAGE}/{ref}/remove").status_code == 404
    told = [log_of(world, f"certificate.mapping_{act}") for act in ("make", "change", "remove")]
    assert [len(entries) for entries in told] == [1, 1, 1]
    (made,), (changed,), (gone,) = told
    of = {(one.actor, one.subject) for one in (made, changed, gone)}
    assert of == {(f"staff:{world.people['officer'].ref}", f"upload_mapping:{ref}")}
    columns = "姓名=name, 证件号=document_number, 项目==认定, 发证=issued_on, 技能=skills, 备用=constant"
    assert json.loads(made.after) == {"name": "市人社局", "dates": "20261128", "all_columns": columns}
    assert json.loads(changed.before) == json.loads(made.after)
    assert json.loads(changed.after) == json.loads(gone.before) == json.loads(made.after) | {"name": "省厅"}


@pytest.mark.once
def test_so_many_mappings_are_kept_and_one_that_stays_as_it_is_is_no_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_mapping, "MOST_MAPPINGS", 2)
    form = MappingForm("1 甲", "digits", [GOOD])
    now = world.clock.now()
    with world.app.test_request_context():
        ref = CERTIFICATES.keep("", form, now=now, actor="staff:st-1")
        CERTIFICATES.keep("", replace(form, name="2 乙"), now=now, actor="staff:st-1")
        for name, code in (("3 丙", "mapped_file.too_many"), ("1 甲", "mapped_file.too_many")):
            with pytest.raises(CbtError) as error:
                CERTIFICATES.keep("", replace(form, name=name), now=now, actor="staff:st-1")
            assert (error.value.code, error.value.params) == (code, {"maximum": 2})
        assert CERTIFICATES.keep(ref, form, now=now + DAY, actor="staff:st-2") == ref
        with pytest.raises(CbtError) as error:
            CERTIFICATES.keep(ref, replace(form, name="2 乙"), now=now, actor="staff:st-1")
        assert (error.value.code, error.value.params) == (
            "mapped_file.taken",
            {"field": "name", "name": "2 乙"},
        )
        with reading() as session:
            assert [(one.ref, one.name) for one in CERTIFICATES.all_files(session)][1:] == [
                (ref, "1 甲"),
                (
                    session.scalars(select(UploadMapping.ref).where(UploadMapping.name == "2 乙")).one(),
                    "2 乙",
                ),
            ]
            row = session.scalars(select(UploadMapping).where(UploadMapping.ref == ref)).one()
            assert (row.changed_at, row.changed_by) == (now + DAY, "staff:st-2")
    assert log_of(world, "certificate.mapping_change") == []


@pytest.mark.parametrize(
    ("since", "until", "batch", "good"),
    [
        ("2026-11-24", "2026-11-24", "", True),
        ("2026-11-25", "2026-11-24", "", False),
        ("2026-11-24", "", "", False),
        ("", "2026-11-24", "", False),
        ("", "", "", False),
        ("", "", "ba-1", True),
        ("2026-11-25", "2026-11-24", "ba-1", True),
    ],
)
def test_a_choice_is_a_batch_or_both_days_in_their_order(
    since: str, until: str, batch: str, good: bool
) -> None:
    sent = {"since": since, "until": until, "batch": batch, "mapping": "um-1", "revoked": "1"}
    if good:
        choice = read_choice(sent)
        assert (choice.mapping, choice.batch, choice.revoked) == ("um-1", batch, True)
        assert read_choice(sent | {"revoked": ""}).revoked is False
        return
    with pytest.raises(InvalidInput) as error:
        read_choice(sent)
    assert (error.value.code, error.value.params) == ("certificate_file.choice", {"field": "since"})


Line = tuple[str, str, str, str]
GOOD: Line = ("10", "姓名", "name", "")


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        pytest.param([("9999", "姓名", "name", "")], "", id="the last place"),
        pytest.param([("10000", "姓名", "name", "")], "place", id="no place"),
        pytest.param([("", "姓名", "name", "")], "place", id="without a place"),
        pytest.param([("1", "长" * HEADER, "name", "")], "", id="the longest header"),
        pytest.param([("1", "长" * (HEADER + 1), "name", "")], "header", id="a longer one"),
        pytest.param([("1", " ", "name", "")], "header", id="no header"),
        pytest.param([("1", "姓名", "", "")], "field", id="no field"),
        pytest.param([("1", "固定", CONSTANT, "长" * TEXT)], "", id="the longest text"),
        pytest.param([("1", "固定", CONSTANT, "长" * (TEXT + 1))], "text", id="a longer text"),
        pytest.param([("1", "姓名", "name", "x")], "text", id="a text beside a field"),
        pytest.param([GOOD, GOOD], "twice", id="one header twice"),
        pytest.param([("x", " ", "", "x")], "columns", id="no column"),
        pytest.param([("1", f"列{n}", "name", "") for n in range(MOST_COLUMNS)], "", id="as many as may be"),
        pytest.param(
            [("1", f"列{n}", "name", "") for n in range(MOST_COLUMNS + 1)], "columns", id="one more"
        ),
    ],
)
def test_a_mapping_is_read_line_by_line_up_to_its_limits(lines: list[Line], fault: str) -> None:
    if not fault:
        wanted = tuple(MappedColumn(header, field, text) for _place, header, field, text in lines)
        assert CERTIFICATES.read(MappingForm(" 长名 ", "words", lines)) == ("长名", "words", wanted)
        return
    with pytest.raises(InvalidInput) as refused:
        CERTIFICATES.read(MappingForm("名", "words", [("", "", "", ""), *lines]))
    assert refused.value.code == f"mapped_file.{fault}"
    of_line: dict[str, object] = {"field": "columns", "line": 2}  # empty lines count
    assert (
        refused.value.params
        == {
            "place": of_line,
            "header": of_line | {"maximum": HEADER},
            "field": of_line,
            "text": of_line | {"maximum": TEXT},
            "twice": {"field": "columns", "header": "姓名"},
            "columns": {"field": "columns", "maximum": MOST_COLUMNS},
        }[fault]
    )


def test_columns_stand_by_their_places_and_equal_ones_as_they_came() -> None:
    lines = [
        ("20", "丙", "name", ""),
        ("10", "甲", "level", ""),
        ("10", "乙", "body", ""),
        ("9", "子", "number", ""),
    ]
    assert [one.header for one in CERTIFICATES.read(MappingForm("长" * NAME, "digits", lines))[2]] == [
        "子",
        "甲",
        "乙",
        "丙",
    ]
    for name, dates in (("长" * (NAME + 1), "digits"), ("名", "roman")):
        with pytest.raises(InvalidInput):
            CERTIFICATES.read(MappingForm(name, dates, lines))


def cells(world: World, dates: str = "dashes") -> list[dict[str, str | None]]:
    """Return every field of every certificate, by number."""
    mapping = MappedFile("um-x", "全部", dates, tuple(MappedColumn(one, one, "固定") for one in FIELDS))
    with world.app.test_request_context(), reading() as session:
        return [
            dict(zip(FIELDS, line.cells, strict=True))
            for line in lines_of(session, mapping, Certificate.id.is_not(None))
        ]


@pytest.mark.once
def test_every_field_says_what_is_known_of_the_holder_and_of_no_one_else(
    world: World, desk: Desk, unit: str, certified: list[Certificate]
) -> None:
    """Of a pass that was released only later and of a paper that was failed nothing stands there."""
    sitter, other = world.sitters["theory"], world.sitters["extra"]
    desk.client = world.staff("officer")
    applied = (("theory", "bachelor"), ("extra", "secondary"), ("theory", ""))  # no answer changes nothing
    for number, (_name, education) in enumerate(applied):
        desk.begin(unit=unit)
        desk.enter(document_number=resident(70 + number), education=education)
    with world.app.app_context(), unit_of_work() as session:
        entered = session.scalars(select(Applicant).order_by(Applicant.id)).all()
        for person, (name, _education) in zip(entered, applied, strict=True):
            holder = session.get_one(Candidate, candidate_id(world, name))
            person.document_index = holder.document_index
    with world.app.app_context(), unit_of_work() as session:
        mine = candidate_id(world, "theory")
        holder = session.get_one(Candidate, mine)
        holder.gender, holder.phone_sealed = "female", seal("13800138000", PHONE)
        holder.employer, holder.staff_number = "测试单位", "LY-7"
        scores = {"theory": "72.5", "skills": "81.0"}
        for result, registration in session.execute(
            select(Result, Registration).join(Registration, Registration.id == Result.registration_id)
        ):
            result.score = scores[registration.paper] if registration.candidate_id == mine else "60.0"
    first, second = cells(world)
    row = certified[0]
    number = sitter.document
    assert first == {
        "sequence": "1",
        "name": sitter.name,
        "document_type": "居民身份证",
        "document_number": number,
        "born_on": f"{number[6:10]}-{number[10:12]}-{number[12:14]}",
        "gender": "女",
        "phone": "13800138000",
        "employer": "测试单位",
        "staff_number": "LY-7",
        "education": "大学本科",
        "occupation": row.occupation,
        "level": row.level,
        "level_code": row.number[15],
        "theory": "72.5",
        "skills": "81.0",
        "examined_on": (world.clock.now() + DAY).date().isoformat(),
        "number": row.number,
        "issued_on": row.issued_on.isoformat(),
        "standing": "有效",
        "body": row.body_name,
        CONSTANT: "固定",
    }
    assert (second["sequence"], second["education"], second["document_number"]) == (
        "2",
        "高中、中专或技校",
        other.document,
    )
    assert (second["theory"], second["skills"]) == ("60.0", "60.0")
    day = row.issued_on
    for dates, said in (
        ("digits", f"{day:%Y%m%d}"),
        ("slashes", f"{day:%Y/%m/%d}"),
        ("words", f"{day.year}年{day.month}月{day.day}日"),
    ):
        assert cells(world, dates)[0]["issued_on"] == said
    with world.app.app_context(), unit_of_work() as session:
        session.scalars(select(Certificate).order_by(Certificate.id)).first().revoked_at = world.clock.now()  # type: ignore[union-attr]
        session.execute(update(Release).values(released_at=row.issued_at + timedelta(seconds=1)))
    first, second = cells(world)
    assert (first["standing"], second["standing"]) == ("撤销", "有效")
    assert {first["theory"], first["skills"], first["examined_on"]} == {
        None
    }  # the certificate stands on another pass
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Release).values(released_at=row.issued_at))
        session.execute(update(Result).values(outcome="failed"))
    assert {one["theory"] for one in cells(world)} == {None}


@pytest.mark.once
def test_a_choice_is_of_a_batch_or_of_days_both_ends_included(
    world: World, certified: list[Certificate]
) -> None:
    first, second = certified
    with world.app.app_context(), unit_of_work() as session:
        row = session.get_one(Certificate, second.id)
        row.issued_on, row.revoked_at = first.issued_on + 2 * DAY, world.clock.now()

    def numbers(**changes: object) -> list[str] | str:
        given: dict[str, object] = {"batch": "", "since": None, "until": None, "revoked": True} | changes
        choice = UploadChoice("standard", **given)  # type: ignore[arg-type]  # of its fields
        with world.app.test_request_context(), reading() as session:
            try:
                return [one.certificate.number for one in chosen(session, choice).lines]
            except CbtError as error:
                return error.code

    day, nobody = first.issued_on, "certificate_file.nobody"
    both = [first.number, second.number]
    for since, until, revoked, wanted in (
        (day, day + 2 * DAY, True, both),
        (day, day + 2 * DAY, False, both[:1]),
        (day, day + DAY, True, both[:1]),
        (day + DAY, day + 2 * DAY, True, both[1:]),
        (day + DAY, day + DAY, True, nobody),
    ):
        assert numbers(since=since, until=until, revoked=revoked) == wanted, (since, until)
    assert numbers(batch=world.batch_ref) == both
    assert numbers(batch=world.batch_ref, revoked=False) == both[:1]
    with world.app.app_context(), unit_of_work() as session:
        of_second = select(Registration.id).where(Registration.candidate_id == candidate_id(world, "extra"))
        session.execute(update(Result).where(Result.registration_id.in_(of_second)).values(outcome="failed"))
    assert numbers(batch=world.batch_ref) == both[:1]
    page = f"{PAGE}?mapping=standard"
    officer = world.staff("officer")
    assert officer.get(f"{page}&since={day}&until={day - DAY}").status_code == 422
    assert officer.get(f"{page}&since={day}&until={day}").status_code == 200
    assert isinstance(day, date)


@pytest.mark.once
def test_a_birthday_is_read_from_the_number_of_a_resident_alone(world: World) -> None:
    with world.app.app_context():
        for kind, number, day in (
            ("resident_id", "310101199002281234", date(1990, 2, 28)),
            ("temporary_resident_id", "310101199002281234", date(1990, 2, 28)),
            ("passport", "310101199002281234", None),
            ("resident_id", "31010119900228123", None),
            ("resident_id", "3101011990022812345", None),
            ("resident_id", "310101199002301234", None),
        ):
            holder = Candidate(document_type=kind, document_sealed=seal(number, DOCUMENT))
            assert _born_on(holder) == day, (kind, number)
