"""The platform's own processes under a supervisor: front, web, proxy, worker, beat."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from config.cli.proxy import proxy_spec
from config.settings.celery_settings import QUEUE_NAMES
from core.embedded.errors import EmbeddedError
from core.embedded.paths import CHECKOUT
from core.embedded.record import ServiceUrls
from core.embedded.supervisor import ChildSpec, Supervisor, http_ready
from core.embedded.valkey import HOST, free_port

USUAL_PORT = 8000
WEB_PROCESSES = 2
FRONT_PROCESSES = 1
FRONT_CONNECTIONS = 4_096
"""More than a queue holds (core/commit/batcher.py): who finds it full is told, not kept waiting."""
WEB_THREADS = 3
WORKER_PROCESSES = 2
READY_PATH = "/api/v1/health/live"


def platform_environment(urls: ServiceUrls) -> dict[str, str]:
    """Return the environment of the platform's processes."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings.development",
        **os.environ,
        **urls.environment(),
    }


def port_choose(wanted: int | None) -> int:
    """Return the wanted port, the usual one, or any free one; EmbeddedError if a wish is taken."""
    if wanted is not None:
        if not _is_free(wanted):
            message = f"port {wanted} is not free: another program uses it; choose one by --port"
            raise EmbeddedError(message)
        return wanted
    return USUAL_PORT if _is_free(USUAL_PORT) else free_port()


def granian_spec(
    name: str, application: str, *options: str, env: Mapping[str, str], port: int, ready: str
) -> ChildSpec:
    """Return how to serve an application by Granian on a loopback port; ``ready`` is a path."""
    return ChildSpec(
        name=name,
        argv=[
            str(Path(sys.executable).parent / "granian"),
            f"--host={HOST}",
            f"--port={port}",
            "--no-ws",
            *options,
            application,
        ],
        env=env,
        cwd=CHECKOUT,
        ready=http_ready(f"http://{HOST}:{port}{ready}"),
    )


def web_spec(env: Mapping[str, str], port: int) -> ChildSpec:
    """Return how to run the web process on a loopback port."""
    return granian_spec(
        "web",
        "config.wsgi:application",
        "--interface=wsgi",
        f"--workers={WEB_PROCESSES}",
        f"--blocking-threads={WEB_THREADS}",
        env=env,
        port=port,
        ready=READY_PATH,
    )


def front_spec(env: Mapping[str, str], port: int) -> ChildSpec:
    """Return how to run the front of the hot routes on a loopback port."""
    return granian_spec(
        "front",
        "config.front:front",
        "--interface=rsgi",
        f"--workers={FRONT_PROCESSES}",
        f"--backlog={FRONT_CONNECTIONS}",
        f"--backpressure={FRONT_CONNECTIONS}",
        env=env,
        port=port,
        ready="/metrics",
    )


def worker_spec(env: Mapping[str, str], log: Path, name: str = "worker") -> ChildSpec:
    """Return how to run a Celery worker for all queues."""
    return ChildSpec(
        name=name,
        argv=[
            *_celery("worker"),
            f"--hostname={name}@%h",
            f"--queues={','.join(QUEUE_NAMES)}",
            f"--concurrency={WORKER_PROCESSES}",
            "--without-gossip",
            "--without-mingle",
        ],
        env=env,
        cwd=CHECKOUT,
        ready=_log_says(log, " ready."),
    )


def beat_spec(env: Mapping[str, str], log: Path, name: str = "beat") -> ChildSpec:
    """Return how to run Celery beat; its schedule lies in the database."""
    return ChildSpec(
        name=name,
        argv=[*_celery("beat"), "--pidfile="],
        env=env,
        cwd=CHECKOUT,
        ready=_log_says(log, "beat: Starting"),
    )


def platform_start(
    supervisor: Supervisor,
    urls: ServiceUrls,
    port: int,
    extra_env: Mapping[str, str] | None = None,
) -> str:
    """Start everything on a migrated database; return the base URL: one origin, the proxy's."""
    env = {**platform_environment(urls), **(extra_env or {})}
    web_port, front_port = free_port(), free_port()
    supervisor.start(front_spec(env, front_port))
    supervisor.start(web_spec(env, web_port))
    supervisor.start(
        proxy_spec(env, supervisor.home, port=port, front_port=front_port, web_port=web_port)
    )
    supervisor.start(worker_spec(env, supervisor.log_path("worker")))
    supervisor.start(beat_spec(env, supervisor.log_path("beat")))
    return f"http://{HOST}:{port}"


def _celery(command: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--app=config.celery", command, "--loglevel=INFO"]


def _log_says(log: Path, words: str) -> Callable[[], bool]:
    """Return a question: has the log, from its present end on, come to contain the words?"""
    start = log.stat().st_size if log.exists() else 0

    def says() -> bool:
        if not log.exists():
            return False
        with log.open("rb") as lines:
            lines.seek(start)
            return words.encode() in lines.read()

    return says


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
