"""The signed statement: one spelling, forged by nobody, read without a network, small enough for a print."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.errors import CbtError, InvalidInput, NotFound
from cbt.rules.certificates import (
    MARK,
    CertificateStatement,
    decoded,
    encoded,
    key_id,
    of_qr,
    qr_text,
    signed,
    verified,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC, ANOTHER = (key.public_key().public_bytes_raw() for key in (KEY, OTHER))
SAID = CertificateStatement(
    "S000031000001263000001",
    "王小明",
    "310***********1234",
    "客户服务管理员",
    "三级/高级工",
    date(2026, 12, 20),
)
SENT = signed(SAID, KEY)
ADDRESS = "https://certificates.example.org.cn/verify"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
statements = st.builds(
    CertificateStatement,
    st.builds(
        lambda kind, head, last: f"{kind}{head}{last:06}",
        st.sampled_from("YS"),
        st.text("0123456789", min_size=15, max_size=15),
        st.integers(1, 999_999),
    ),
    texts,
    texts,
    texts,
    texts,
    st.dates(),
)


@settings(max_examples=60)
@given(statements)
def test_a_statement_has_one_spelling(said: CertificateStatement) -> None:
    assert decoded(encoded(said)) == said
    assert verified(of_qr(qr_text(signed(said, KEY))), [PUBLIC]) == said


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(bytes([encoded(SAID)[0] + 1]) + encoded(SAID)[1:], id="another version"),
        pytest.param(encoded(SAID) + b"\0", id="a fifth text"),
        pytest.param(encoded(SAID)[:-1], id="cut off"),
        pytest.param(encoded(SAID)[:1] + bytes(10) + encoded(SAID)[11:], id="no number"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_another_spelling_is_not_read(body: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"certificate\.unreadable"):
        decoded(body)


@settings(max_examples=60)
@given(st.binary(max_size=120))
def test_only_that_spelling_is_read(body: bytes) -> None:
    try:
        said = decoded(body)
    except InvalidInput:
        return
    assert encoded(said) == body


@settings(max_examples=60)
@given(st.integers(0, len(SENT) - 1), st.integers(1, 255))
def test_whatever_byte_is_changed_is_noticed(place: int, by: int) -> None:
    changed = bytearray(SENT)
    changed[place] ^= by
    with pytest.raises(CbtError):
        verified(bytes(changed), [PUBLIC])


@pytest.mark.parametrize(
    ("sent", "publics", "error", "code"),
    [
        pytest.param(SENT, [ANOTHER], NotFound, "certificate.key_unknown", id="of another body"),
        pytest.param(SENT, [], NotFound, "certificate.key_unknown", id="no key at all"),
        pytest.param(
            signed(replace(SAID, name="王大明"), KEY)[:-64] + SENT[-64:], [PUBLIC], InvalidInput,
            "certificate.forged", id="the signature of another statement",
        ),
        pytest.param(SENT[:-64], [PUBLIC], InvalidInput, "certificate.unreadable", id="no signature"),
        pytest.param(b"", [PUBLIC], InvalidInput, "certificate.unreadable", id="nothing"),
    ],
)  # fmt: skip
def test_what_is_not_the_bodys_is_refused(
    sent: bytes, publics: list[bytes], error: type[CbtError], code: str
) -> None:
    with pytest.raises(error) as caught:
        verified(sent, publics)
    assert caught.value.code == code


def test_a_signature_of_other_bytes_is_none_of_a_certificate() -> None:
    body = SENT[:-64]
    with pytest.raises(InvalidInput, match=r"certificate\.forged"):
        verified(body + KEY.sign(body), [PUBLIC])


def test_former_keys_verify_what_they_signed() -> None:
    assert verified(signed(SAID, OTHER), [PUBLIC, ANOTHER]) == SAID
    assert len(key_id(PUBLIC)) == 4


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"number": "S123"}, "certificate.number", id="no number"),
        pytest.param({"number": f" {SAID.number}"}, "certificate.number", id="a number with a blank"),
        pytest.param({"name": "王" * 86}, "certificate.text_long", id="a name too long"),
    ],
)
def test_what_cannot_be_printed_is_not_signed(changed: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        signed(replace(SAID, **changed), KEY)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("https://example.org", id="an address without a statement"),
        pytest.param(f"{MARK}!!!", id="other characters"),
        pytest.param(f"{MARK}AAAA", id="too short"),
        pytest.param(qr_text(SENT).removeprefix(MARK), id="without its mark"),
    ],
)
def test_another_qr_is_not_read(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"certificate\.unreadable"):
        of_qr(text)


def test_the_qr_carries_the_statement_behind_an_address() -> None:
    text = qr_text(SENT, ADDRESS)
    assert text.startswith(f"{ADDRESS}#")
    assert of_qr(text) == of_qr(f"{text[:90]}\n{text[90:]}") == SENT


def test_a_qr_is_read_from_a_print() -> None:
    """At 30 mm a side a module of 57 or 61 is half a millimetre: a telephone reads that from paper."""
    usual = segno.make(qr_text(SENT, ADDRESS), error="m", boost_error=False)
    long = replace(SAID, name="阿卜杜热合曼·买买提吐尔逊江", document="310101199001011234")
    longest = segno.make(qr_text(signed(long, KEY), ADDRESS), error="m", boost_error=False)
    assert usual.version <= 12
    assert longest.version <= 14
