"""What a serializer signed is read as the serializer reads it, and nothing else is."""

from __future__ import annotations

import flask
import pytest
from itsdangerous import BadSignature, URLSafeTimedSerializer

from cbt.http.auth.cookies import CookieOfAnyAge
from cbt.http.auth.wsgi_login import SignedTexts


@pytest.fixture(params=["form token", "session cookie"])
def serializer(request: pytest.FixtureRequest) -> URLSafeTimedSerializer:
    if request.param == "form token":
        return URLSafeTimedSerializer("a key", salt="wtf-csrf-token")
    app = flask.Flask("signing")
    app.config.update(SECRET_KEY="a key", SECRET_KEY_FALLBACKS=["a former key"])
    found = CookieOfAnyAge().get_signing_serializer(app)
    assert found is not None
    return found


@pytest.mark.parametrize("value", ["", "f00", {"_user_id": "某人", "_fresh": True}, {"long": "x" * 2000}])
def test_what_was_signed_is_read(
    serializer: URLSafeTimedSerializer, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed, reader = serializer.dumps(value), SignedTexts(serializer)
    monkeypatch.setattr(serializer, "loads", lambda _text: pytest.fail("it is read without the serializer"))
    assert reader.read(signed) == value


def test_what_was_signed_by_a_former_key_is_the_serializers_to_read() -> None:
    former = URLSafeTimedSerializer("a former key", salt="s")
    reader = SignedTexts(URLSafeTimedSerializer(["a former key", "a key"], salt="s"))
    assert reader.read(former.dumps("kept")) == "kept"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: "", id="nothing"),
        pytest.param(lambda text: "x", id="no separator"),
        pytest.param(lambda text: "." + text.rpartition(".")[2], id="a signature alone"),
        pytest.param(lambda text: text[1:], id="a letter less"),
        pytest.param(lambda text: "x" + text, id="a letter more"),
        pytest.param(lambda text: text[:-3], id="a signature cut short"),
        pytest.param(lambda text: text.rpartition(".")[0], id="no signature"),
        pytest.param(
            lambda text: URLSafeTimedSerializer("another key", salt="s").dumps("f00"), id="another key"
        ),
    ],
)
def test_whatever_else_is_not_ours(serializer: URLSafeTimedSerializer, change: object) -> None:
    text = serializer.dumps("f00")
    assert callable(change)
    with pytest.raises(BadSignature):
        SignedTexts(serializer).read(change(text))


def test_what_another_signer_of_the_same_key_signed_is_not_ours(serializer: URLSafeTimedSerializer) -> None:
    """A signature without an instant, of the same key and salt, is not one of a serializer with instants."""
    signer = serializer.make_signer(serializer.salt)
    bare = super(type(signer), signer).sign(b"f00").decode()
    with pytest.raises(BadSignature):
        SignedTexts(serializer).read(bare)
