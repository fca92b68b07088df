"""What a test reads of `/metrics`, as Prometheus would."""

from __future__ import annotations

import re

import flask

_SAMPLE = re.compile(r'^(\w+)(?:\{((?:\w+="[^"]*",?)*)\})? (\S+)$')


def scrape(app: flask.Flask) -> dict[str, float]:
    """Return what a test's app tells."""
    reply = app.test_client().get("/metrics", headers={"Host": "127.0.0.1:8000"})
    assert reply.status_code == 200
    assert reply.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return read_samples(reply.get_data(as_text=True))


def read_samples(text: str) -> dict[str, float]:
    """Return the samples by name and labels; every line has to be readable."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = _SAMPLE.match(line)
        assert found, line
        samples[f"{found[1]}{{{found[2]}}}" if found[2] else found[1]] = float(found[3])
    return samples
