"""Inputs of the sittings room: fields of HTML forms as values, and the marks a new sitting starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Literal, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of, current_versions
from cbt.errors import InvalidInput
from cbt.http.i18n import local_zone
from cbt.rules.exam import AdmissionPolicy
from cbt.sittings.models import BatchLevel

MARKS = ("check_in_opens", "report", "sign_in_opens", "late_limit")
YEARS = range(2000, 2200)
"""Years an examination can be planned in: the ends of the calendar have no neighbours to compute with."""
CHOICES = ("late_from", "sign_in_needs_check_in", "leave_allowed")
_DAY_MINUTES = 24 * 60
_Choice = TypeVar("_Choice", bound=StrEnum)


def parse_number(form: Mapping[str, str], field: str, *, minimum: int, maximum: int) -> int:
    """Return a whole number of a field; raise InvalidInput("input.number") naming the bounds."""
    text = form.get(field, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 6) or not minimum <= int(text) <= maximum:
        raise InvalidInput("input.number", field=field, minimum=minimum, maximum=maximum)
    return int(text)


def one_of(form: Mapping[str, str], field: str, kinds: type[_Choice], otherwise: _Choice) -> _Choice:
    """Return the choice of a field, `otherwise` where the form has none; raise InvalidInput for any other."""
    try:
        return kinds(form.get(field, otherwise))
    except ValueError as error:
        raise InvalidInput("web.bad_request", field=field) from error


def parse_local(form: Mapping[str, str], field: str) -> datetime:
    """Return the UTC instant of a local date and time field; raise InvalidInput("input.instant")."""
    try:
        local = datetime.fromisoformat(form.get(field, "").strip())
    except ValueError as error:
        raise InvalidInput("input.instant", field=field) from error
    if local.year not in YEARS:
        raise InvalidInput("input.instant", field=field)
    return local.replace(tzinfo=local_zone()).astimezone(UTC)


def parse_minutes(form: Mapping[str, str], field: str, *, maximum: int) -> timedelta:
    """Return a field of minutes, with at most two decimals; raise InvalidInput("input.minutes")."""
    try:
        amount = Decimal(form.get(field, "").strip())
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= maximum or amount != round(amount, 2):
        raise InvalidInput("input.minutes", field=field, maximum=maximum)
    return timedelta(seconds=float(amount * 60))


def minutes_text(span: timedelta) -> str:
    """Return a span in minutes as people write it: 15, 7.5."""
    return f"{round(span / timedelta(minutes=1), 2):g}"


def policy_fields(policy: AdmissionPolicy) -> dict[str, str]:
    """Return what the fields of a form hold for a policy; `parse_policy` reads it back."""
    return {
        **{name: minutes_text(getattr(policy, name)) for name in MARKS},
        "late_from": policy.late_from,
        "sign_in_needs_check_in": "1" if policy.sign_in_needs_check_in else "0",
        "leave_allowed": "1" if policy.leave_allowed else "0",
    }


def parse_policy(form: Mapping[str, str], admission_policy: AdmissionPolicy) -> AdmissionPolicy:
    """Return the admission policy of a sitting; a field left out keeps the value of `admission_policy`.

    Raise InvalidInput("input.minutes"), ("sitting.marks_order") when reporting or signing in would open
    before check-in does.

    Source: R-11, R-14.
    """
    typed = {name: form.get(name, "").strip() for name in (*MARKS, *CHOICES)}
    fields = policy_fields(admission_policy) | {name: text for name, text in typed.items() if text}
    late_from: Literal["report_at", "start"] = "start" if fields["late_from"] == "start" else "report_at"
    policy = AdmissionPolicy(
        **{
            name: parse_minutes(fields, name, maximum=_DAY_MINUTES)
            if typed[name]
            else getattr(admission_policy, name)
            for name in MARKS
        },
        late_from=late_from,
        sign_in_needs_check_in=fields["sign_in_needs_check_in"] == "1",
        leave_allowed=fields["leave_allowed"] == "1",
    )
    if policy.report > policy.check_in_opens or policy.sign_in_opens > policy.check_in_opens:
        raise InvalidInput("sitting.marks_order", field="check_in_opens")
    return policy


# What a new sitting's marks start from: the [admission] table of a blueprint.
#
# A sitting keeps its own values from then on: they are what is enforced, and what its papers print.


@dataclass(frozen=True, slots=True)
class Prefill:
    """A blueprint a sitting can take its marks from."""

    ref: str
    title: str
    policy: AdmissionPolicy


def prefills(session: Session) -> list[Prefill]:
    choices = []
    for version in current_versions(session):
        blueprint = blueprint_of(session, version.id)
        title = f"{blueprint.occupation_name}（{blueprint.level_name}） · {blueprint.ref}"
        choices.append(Prefill(blueprint.ref, title, blueprint.admission))
    return choices


def chosen(available: list[Prefill], ref: str) -> AdmissionPolicy:
    """Return the policy of the blueprint `ref`, of the only one there is, or the one all agree on.

    Without any blueprint the shipped values hold. Raise InvalidInput("sitting.prefill_choice") for a ref
    that is none of them, and when they differ and none is named.

    Source: R-11, R-13, R-14.
    """
    by_ref = {one.ref: one.policy for one in available}
    if ref in by_ref:
        return by_ref[ref]
    policies = list(by_ref.values()) or [AdmissionPolicy()]
    if ref or any(policy != policies[0] for policy in policies):
        raise InvalidInput("sitting.prefill_choice", field="blueprint", refs=sorted(by_ref))
    return policies[0]


def blueprints_of_batch(session: Session, batch_id: int) -> set[str]:
    """Return the refs of the blueprints by which a batch examines; none for one that does not say."""
    query = (
        select(BlueprintVersion.ref)
        .join(BatchLevel, BatchLevel.blueprint_version_id == BlueprintVersion.id)
        .where(BatchLevel.batch_id == batch_id)
    )
    return set(session.scalars(query))
