"""A certificate on paper."""

from __future__ import annotations

from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.certificates.models import Certificate
from cbt.printing.pdf import pdf, qr_drawing
from cbt.rules.certificates.number import grouped
from cbt.rules.certificates.signing import qr_text


def certificate_paper(row: Certificate, photo: bytes | None, address: str) -> bytes:
    """Return a certificate as an A4 page; its QR leads to the look-up at `address` and carries the statement.

    Without an address the QR carries the statement alone.

    Source: R-93.
    """
    day = row.issued_on
    data = {
        "title": _("certificates.paper.title"),
        "body": row.body_name,
        "name": row.name,
        "lead": _("certificates.paper.lead"),
        "qr": f"{row.number}.svg",
        "photo": "holder",
        "facts": [
            [_("certificates.name"), row.name],
            [_("certificates.document"), " ".join((_(f"door.document.{row.document_type}"), row.document))],
            [_("certificates.occupation"), row.occupation],
            [_("certificates.level"), row.level],
            [_("certificates.number"), grouped(row.number)],
            [
                _("certificates.issued_on"),
                _("enrolment.paper.date", year=day.year, month=day.month, day=day.day),
            ],
        ],
        "words": {
            "glue": _("certificates.paper.photo"),
            "seal": _("certificates.paper.seal"),
            "verify": _("certificates.paper.verify"),
            "address": address,
        },
    }
    return pdf(
        "certificate",
        data,
        language=str(get_locale()),
        photos={"holder": photo} if photo else None,
        drawings={f"{row.number}.svg": qr_drawing(qr_text(row.statement, address))},
    )
