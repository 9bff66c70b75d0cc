"""The embedded proxy as a real process: what reaches the servers behind it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from config.cli.proxy import proxy_spec
from core.embedded.supervisor import Supervisor
from core.embedded.valkey import HOST, free_port

Headers = list[tuple[str, str]]


@contextmanager
def recorder(seen: list[Headers]) -> Iterator[int]:
    """Serve everything with 200 and keep the headers that came; yields the port."""

    class Recorder(BaseHTTPRequestHandler):
        def answer(self) -> None:
            seen.append(self.headers.items())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = answer  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Recorder)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/claims"), ("POST", "/api/v1/claims")]
)
def test_a_header_with_an_underscore_reaches_nobody(tmp_path: Path, method: str, path: str) -> None:
    seen: list[Headers] = []
    port = free_port()
    with recorder(seen) as behind, Supervisor(tmp_path) as supervisor:
        spec = proxy_spec(dict(os.environ), tmp_path, port=port, front_port=behind, web_port=behind)
        supervisor.start(spec)
        seen.clear()
        connection = HTTPConnection(HOST, port, timeout=10)
        headers = {"X-Signature": "right", "X_Signature": "other", "x_forwarded_for": "8.8.8.8"}
        connection.request(method, path, headers=headers)
        assert connection.getresponse().status == 200
        connection.close()
    (arrived,) = seen
    names = {name.lower(): text for name, text in arrived}
    assert names["x-signature"] == "right"
    assert names["x-forwarded-for"] == HOST
    assert not [name for name in names if "_" in name]
