"""The kiosk file and its key, by the published rules of the Config Key."""

from __future__ import annotations

import hashlib
import plistlib

import pytest

from cbt.rules.door import Settings, config_key, file_of, matches, seb_json, settings_for

ORIGIN = "http://10.0.0.5:8000"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        pytest.param({}, "{}", id="nothing"),
        pytest.param({"b": 1, "A": True, "c": False}, '{"A":true,"b":1,"c":false}', id="sorted whatever the case"),
        pytest.param({"x": {}, "y": [], "z": ""}, '{"y":[],"z":""}', id="empty dictionaries go, lists stay"),
        pytest.param({"p": "a\\d/é\"", "q": [{"n": 2, "M": "x"}]}, '{"p":"a\\d/é"","q":[{"M":"x","n":2}]}',
                     id="no escapes, nested ones sorted"),
    ],
)  # fmt: skip
def test_settings_become_the_text_that_is_digested(settings: Settings, text: str) -> None:
    assert seb_json(settings) == text
    assert config_key(settings) == hashlib.sha256(text.encode()).hexdigest()


def test_who_wrote_the_file_is_no_part_of_its_key() -> None:
    settings = dict(settings_for(ORIGIN))
    assert config_key({**settings, "originatorVersion": "SEB_Win_3.5"}) == config_key(settings)
    assert config_key({**settings, "allowQuit": False}) != config_key(settings)


def test_the_file_is_a_property_list_of_the_same_settings() -> None:
    read = plistlib.loads(file_of(settings_for(ORIGIN)))
    assert read == settings_for(ORIGIN)
    assert (read["startURL"], read["sendBrowserExamKey"]) == (f"{ORIGIN}/", True)
    assert read["URLFilterRules"][0]["expression"] == "10.0.0.5:8000/*"


def test_a_request_is_known_by_its_url_and_the_key() -> None:
    key = config_key(settings_for(ORIGIN))
    said = hashlib.sha256(f"{ORIGIN}/sign-in?x=1{key}".encode()).hexdigest()
    assert matches(said.upper(), f"{ORIGIN}/sign-in?x=1#part", key)
    assert not matches(said, f"{ORIGIN}/sign-in", key)
    assert not matches("", f"{ORIGIN}/sign-in?x=1", key)
    assert not matches("é", f"{ORIGIN}/sign-in?x=1", key)


def test_the_file_keeps_the_machine_known_and_the_candidate_at_the_exam() -> None:
    """What an exam rests on: nothing is forgotten over a restart, no other page and no other program is reached."""
    held = {
        "sebConfigPurpose": 0,
        "examSessionClearCookiesOnStart": False,
        "examSessionClearCookiesOnEnd": False,
        "removeBrowserProfile": False,
        "URLFilterEnable": True,
        "allowPreferencesWindow": False,
        "allowSpellCheck": False,
        "allowSwitchToApplications": False,
        "enableRightMouse": False,
        "newBrowserWindowByLinkPolicy": 0,
        "browserWindowAllowReload": True,
        "enableZoomPage": True,
        "allowQuit": True,
    }
    settings = settings_for(ORIGIN)
    assert {name: settings[name] for name in held} == held
    assert settings["URLFilterRules"] == [
        {"action": 1, "active": True, "expression": "10.0.0.5:8000/*", "regex": False}
    ]
