"""Tables of enrolment: units, agreements, applications, their people, the office's decisions, fees, body."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, LargeBinary, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from cbt.rules.appeals import ANSWER_DAYS, APPEAL_DAYS
from cbt.rules.publicity import DAYS
from cbt.storage.types import Base, Named, Row, UtcDateTime


class MemberUnit(Named):
    """A 会员单位; the phone of whom to ask is sealed like every personal number (R-70)."""

    name: Mapped[str] = mapped_column(String(120), index=True)
    credit_code: Mapped[str] = mapped_column(String(18), unique=True)
    """统一社会信用代码, in capitals."""
    contact: Mapped[str] = mapped_column(String(60))
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    address: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it is no member any more; what it had is kept."""


class UnitClerk(Base):
    """Whose own unit somebody sees: the login of a 单位经办人 belongs to one unit for good (R-70)."""

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)


class UnitAgreement(Named):
    """A 职业技能等级认定管理协议 of one year; its days never change, a new term is a new agreement (R-71)."""

    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    """协议编号."""
    effective_on: Mapped[date] = mapped_column(Date)
    """生效日, which is not counted."""
    last_on: Mapped[date] = mapped_column(Date, index=True)
    """The last day of its term: the same date a year later."""
    body_name: Mapped[str] = mapped_column(String(120))
    """甲方, as the body was called on the day."""
    unit_signer: Mapped[str] = mapped_column(String(60))
    """乙方代表."""
    body_signer: Mapped[str] = mapped_column(String(60))
    """甲方代表."""
    note: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(80))
    ended_on: Mapped[date | None] = mapped_column(Date)
    """The last day on which it was in force, where it was ended before its term (提前终止)."""
    end_reason: Mapped[str] = mapped_column(Text)


class UnitApplication(Named):
    """A 评价申请 of a unit for a level; `rules.states.application` says what becomes of it (R-77)."""

    number: Mapped[str] = mapped_column(String(16), unique=True, index=True, server_default="")
    """What people call it: the year in which it was made and how many there were in it (`2026-0001`)."""
    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)
    blueprint_version_id: Mapped[int] = mapped_column(ForeignKey("blueprint_version.id"))
    """The level, by the 考核方案 in force when it was chosen; its conditions are the ones that count."""
    state: Mapped[str] = mapped_column(String(12), index=True)
    preferred_on: Mapped[date] = mapped_column(Date)
    applied_on: Mapped[date | None] = mapped_column(Date)
    """The day of application: the first one, however often it is put right."""
    note: Mapped[str] = mapped_column(Text)
    put_right: Mapped[str] = mapped_column(Text)
    """What is to be put right, while it is returned."""
    late_reason: Mapped[str] = mapped_column(Text)
    """Why an officer took it though it came too late."""
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"), index=True)
    charged_on: Mapped[date | None] = mapped_column(Date)
    """The day on which the fees of its accepted people arose; None while there are none (R-76)."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ApplicationSeries(Base):
    """The last number that was given to an application of a year."""

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class ApplicationStep(Row):
    """Who did what with an application, and when, as its page tells it."""

    application_id: Mapped[int] = mapped_column(ForeignKey("unit_application.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    event: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(Text)


class Applicant(Named):
    """Somebody a unit applies for; numbers are sealed, and so is all else of the registration form (Annex 1, 2)."""

    __table_args__ = (UniqueConstraint("application_id", "document_index"),)

    application_id: Mapped[int] = mapped_column(ForeignKey("unit_application.id"))
    name: Mapped[str] = mapped_column(String(60))
    document_type: Mapped[str] = mapped_column(String(40))
    document_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    document_masked: Mapped[str] = mapped_column(String(40))
    document_index: Mapped[str] = mapped_column(String(64))
    """The keyed digest of the number: nobody is twice in one application."""
    gender: Mapped[str] = mapped_column(String(10))
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    told_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The rest of the form as one JSON object."""
    kind: Mapped[str] = mapped_column(String(8))
    papers: Mapped[str] = mapped_column(String(200))
    """The codes of the papers, joined by a comma."""
    verdict: Mapped[str] = mapped_column(String(10))
    """`accepted`, `refused`, or "" while nobody has decided."""
    condition: Mapped[int | None]
    """The number of the condition by which an officer accepted."""
    reason: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(80))


class ApplicantProof(Row):
    """A piece of evidence of somebody: when it was received and checked, and by whom (R-74)."""

    __table_args__ = (UniqueConstraint("applicant_id", "proof"),)

    applicant_id: Mapped[int] = mapped_column(ForeignKey("applicant.id"))
    proof: Mapped[str] = mapped_column(String(24))
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    received_by: Mapped[str] = mapped_column(String(80))
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checked_by: Mapped[str] = mapped_column(String(80))


class ApplicantPhoto(Base):
    """The photo of somebody who is applied for: a JPEG of our own, sealed."""

    applicant_id: Mapped[int] = mapped_column(
        ForeignKey("applicant.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class EvidenceScan(Named):
    """A scan of a piece of evidence: a picture or a PDF that was made anew, sealed."""

    applicant_id: Mapped[int] = mapped_column(ForeignKey("applicant.id", ondelete="CASCADE"), index=True)
    proof: Mapped[str] = mapped_column(String(24))
    mimetype: Mapped[str] = mapped_column(String(40))
    pages: Mapped[int]
    size: Mapped[int]
    """Bytes of what was sealed."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class OfficeDay(Base):
    """A day that the office says is worked or free, whatever was published."""

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    worked: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class OfficeMajor(Named):
    """A major (专业) that the office decided about for an occupation, whatever its blueprints say."""

    __table_args__ = (UniqueConstraint("occupation", "plain"),)

    occupation: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(60))
    plain: Mapped[str] = mapped_column(String(60))
    """The name as it is compared (`plain_major`)."""
    kind: Mapped[str] = mapped_column(String(8))
    """`own`, `related` or `other`."""
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class FeeCharge(Named):
    """A line that arose by rule from somebody who was accepted; never edited, but cancelled (R-76)."""

    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("unit_application.id"), index=True)
    applicant_id: Mapped[int | None] = mapped_column(
        ForeignKey("applicant.id", ondelete="SET NULL"), index=True
    )
    """None where somebody was taken out of the application later: the line was cancelled before."""
    kind: Mapped[str] = mapped_column(String(12))
    paper: Mapped[str] = mapped_column(String(40))
    """The code of the paper, "" for all together."""
    fen: Mapped[int] = mapped_column(BigInteger)
    charged_on: Mapped[date] = mapped_column(Date)
    cancelled_on: Mapped[date | None] = mapped_column(Date)
    cause: Mapped[str] = mapped_column(String(16))
    cancel_reason: Mapped[str] = mapped_column(Text)


class FeePayment(Named):
    """What a unit paid (到账); never edited, but reversed (冲正) with a reason."""

    unit_id: Mapped[int] = mapped_column(ForeignKey("member_unit.id"), index=True)
    paid_on: Mapped[date] = mapped_column(Date)
    fen: Mapped[int] = mapped_column(BigInteger)
    way: Mapped[str] = mapped_column(String(12))
    payer: Mapped[str] = mapped_column(String(120))
    reference: Mapped[str] = mapped_column(String(80), index=True)
    note: Mapped[str] = mapped_column(Text)
    booked_on: Mapped[date] = mapped_column(Date)
    booked_by: Mapped[str] = mapped_column(String(80))
    reversed_on: Mapped[date | None] = mapped_column(Date)
    reversed_by: Mapped[str] = mapped_column(String(80))
    reverse_reason: Mapped[str] = mapped_column(Text)


class FeeMatch(Row):
    """So much of a payment pays a line (核销); one that was taken back stays on record."""

    payment_id: Mapped[int] = mapped_column(ForeignKey("fee_payment.id"), index=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("fee_charge.id"), index=True)
    fen: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by: Mapped[str] = mapped_column(String(80))
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FeeRefund(Named):
    """What of a payment was given back (退费)."""

    payment_id: Mapped[int] = mapped_column(ForeignKey("fee_payment.id"), index=True)
    fen: Mapped[int] = mapped_column(BigInteger)
    given_on: Mapped[date] = mapped_column(Date)
    reference: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text)
    booked_on: Mapped[date] = mapped_column(Date)
    booked_by: Mapped[str] = mapped_column(String(80))


ONLY = 1


class AssessmentBody(Base):
    """The one 评价机构 of an installation; without a row it is the notice's."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(200))
    """Where applications are handed in (申报地点)."""
    phone: Mapped[str] = mapped_column(String(40))
    website: Mapped[str] = mapped_column(String(200))
    """Where certificates and scores are looked up (证书查询)."""
    look_up: Mapped[str] = mapped_column(String(120), server_default="")
    """The page at which anybody looks a certificate up: what a print says and its QR leads to; empty: none yet."""
    publicity_days: Mapped[int] = mapped_column(server_default=str(DAYS), default=DAYS)
    """For how many working days results are shown before they are released; 0: for none (R-90)."""
    appeal_days: Mapped[int] = mapped_column(server_default=str(APPEAL_DAYS), default=APPEAL_DAYS)
    """For how many working days from its release a result may be appealed against (R-91)."""
    appeal_answer_days: Mapped[int] = mapped_column(server_default=str(ANSWER_DAYS), default=ANSWER_DAYS)
    """In how many working days an appeal is to be decided."""
    payee: Mapped[str] = mapped_column(String(120), server_default="", default="")
    """In whose name the account is into which fees are paid (户名)."""
    payee_bank: Mapped[str] = mapped_column(String(120), server_default="", default="")
    """开户行."""
    payee_account: Mapped[str] = mapped_column(String(40), server_default="", default="")
    """账号, in digits."""
    whole_numbers: Mapped[bool] = mapped_column(server_default=false(), default=False)
    """Whether a printed certificate shows the whole number of a document; everything else shows it masked."""
