"""Notices reach a real server on this machine, and what goes wrong there stops nothing."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pandas as pd
import pytest
from pydantic import ValidationError

from flows.notices import TIMEOUT_SECONDS, Notice, notify
from flows.sections import MonitoringSection
from tests.flows.conftest import Listener

NOTICE = Notice(
    event="decision",
    text="shop: retrain asked for, it drifted",
    at=pd.Timestamp("2024-05-20"),
    facts={"version": "3"},
)


@pytest.fixture
def hook():
    """A server that answers /ok with 200, /broken with 500 and /slow too late."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["Content-Type"], json.loads(body)))
            if self.path == "/slow":
                time.sleep(TIMEOUT_SECONDS + 1)
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()
    thread.join()


def workspace_with(url):
    section = MonitoringSection(webhook=url)
    return SimpleNamespace(name="shop", project=SimpleNamespace(monitoring=section))


def test_a_webhook_gets_one_post_of_json(hook):
    address, received = hook
    listener = Listener()
    assert notify(workspace_with(f"{address}/ok"), listener, NOTICE)
    ((path, kind, body),) = received
    assert (path, kind) == ("/ok", "application/json")
    assert body == {
        "project": "shop",
        "event": "decision",
        "text": NOTICE.text,
        "at": "2024-05-20T00:00:00Z",
        "version": "3",
    }
    assert listener.said == [f"Told the webhook at 127.0.0.1: {NOTICE.text}"]


@pytest.mark.parametrize("path", ["broken", "slow"])
def test_a_webhook_that_fails_is_told_without_its_path_and_stops_nothing(hook, path):
    address, _ = hook
    listener = Listener()
    started = time.monotonic()
    assert not notify(workspace_with(f"{address}/{path}"), listener, NOTICE)
    assert time.monotonic() - started < 10 * TIMEOUT_SECONDS
    (said,) = listener.said
    assert "did not take the notice" in said
    assert path not in said


def test_a_webhook_that_nobody_listens_at_is_told(hook):
    listener = Listener()
    assert not notify(workspace_with("http://127.0.0.1:1/secret"), listener, NOTICE)
    assert "127.0.0.1 did not take the notice" in listener.said[0]
    assert "secret" not in listener.said[0]


def test_without_a_webhook_nothing_is_said():
    listener = Listener()
    assert not notify(workspace_with(None), listener, NOTICE)
    assert listener.said == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "chat.example.org", "http://", ""])
def test_other_addresses_are_refused(url):
    with pytest.raises(ValidationError, match="expected a URL"):
        MonitoringSection(webhook=url)
