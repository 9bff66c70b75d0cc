"""The nginx example of deploy/, filled in for this machine and served; upstreams that echo."""

import contextlib
import datetime
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.embedded.valkey import HOST, free_port

EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx.conf.example"
PORTS = ("8001", "8002", "8011", "8012")
"""Of the example: two web processes, two fronts."""
SERVER_NAME = "xfq.example.gov.cn"
PATIENCE_S = 20.0
NGINX = shutil.which(
    "nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
)
needs_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")


class Echo(BaseHTTPRequestHandler):
    """Says what reached it; with ``X-Die`` it leaves without a word."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Return name, method, path and headers as they came."""
        server: Any = self.server
        size = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        server.seen.append(self.path)
        if "X-Die" in self.headers:
            self.close_connection = True
            return
        said = {
            "name": server.name,
            "method": self.command,
            "path": self.path,
            "size": size,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
        }
        body = orjson.dumps(said)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Strict-Transport-Security", "max-age=1")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def echo(name: str) -> "Iterator[tuple[int, list[str]]]":
    """Run an upstream; yields its port and the paths it was asked for."""
    server: Any = ThreadingHTTPServer((HOST, 0), Echo)
    server.daemon_threads = True
    server.name, server.seen = name, []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1], server.seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def nginx(folder: Path, upstreams: Sequence[int]) -> Iterator[httpx.Client]:
    """Serve the example before these ports (web, web, front, front); yields a client of it."""
    port = free_port()
    config = config_write(folder, port, upstreams)
    command = [str(NGINX), "-p", str(folder), "-c", str(config)]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr, tested.stderr
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(
            base_url=f"https://{HOST}:{port}",
            headers={"Host": SERVER_NAME},
            verify=False,  # noqa: S501 - a certificate of our own, made a moment ago
            trust_env=False,
            timeout=30,
        ) as client:
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx.TransportError):
                    client.get("/")
                    break
                time.sleep(0.05)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)


def config_write(folder: Path, port: int, upstreams: Sequence[int]) -> Path:
    """Write the example with ports and certificate of this machine, inside a whole configuration.

    Everything else stays as it is.
    """
    text = EXAMPLE.read_text(encoding="utf-8")
    changes = {
        "listen 443 ": f"listen {HOST}:{port} ",
        "/etc/nginx/tls/xfq.crt": str(folder / "xfq.crt"),
        "/etc/nginx/tls/xfq.key": str(folder / "xfq.key"),
        **{
            f"server {HOST}:{old}": f"server {HOST}:{new}"
            for old, new in zip(PORTS, upstreams, strict=True)
        },
    }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    _certificate_write(folder)
    user = "user root;" if os.geteuid() == 0 else ""  # else its worker may not enter the folder
    paths = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = (
        f"{user}\ndaemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\nhttp {{\n    access_log off;\n{paths}"
        f"{text}\n}}\n"
    )
    config = folder / "nginx.conf"
    config.write_text(whole, encoding="utf-8")
    return config


def _certificate_write(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, SERVER_NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "xfq.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "xfq.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
