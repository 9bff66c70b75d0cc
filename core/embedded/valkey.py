"""One embedded Valkey server: started, found again, stopped."""

import pwd
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import redis

from core.embedded.errors import EmbeddedError, log_tail
from core.embedded.paths import InstancePaths
from core.embedded.processes import clean_environment, pid_from_file, spawn, stop_pid

HOST = "127.0.0.1"
DATABASES = 64
START_TIMEOUT_S = 30.0
STOP_SIGNALS = [(signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)]


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """A server by its folders, its program and the account it runs as."""

    paths: InstancePaths
    program: Path
    account: pwd.struct_passwd | None

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.paths.logs / "valkey.log"

    @property
    def pid_file(self) -> Path:
        """Written by the server itself, so a launcher killed after the start loses nothing."""
        return self.paths.valkey_data / "valkey.pid"

    @property
    def port_file(self) -> Path:
        """The port used last, kept so that URLs survive a restart."""
        return self.paths.home / "valkey.port"

    def port(self) -> int:
        """Return the port of this instance (0 before the first start)."""
        try:
            return int(self.port_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0

    def url(self) -> str:
        """Return the URL of database 0."""
        return f"redis://{HOST}:{self.port()}/0"

    def pid(self) -> int | None:
        """Return the id of the running server on this data folder, if there is one."""
        return pid_from_file(self.pid_file, str(self.paths.valkey_data))

    def start(self) -> bool:
        """Start the server or attach to the one that runs; tell whether it was started.

        Two servers on one folder would corrupt its file, so one that runs but does not answer is
        stopped first.
        """
        pid = self.pid()
        if pid is not None:
            if self._wait_ready(pid):
                return False
            self.stop()
        port = self.port()
        if not _is_free(port):
            port = free_port()
            self.port_file.write_text(str(port), encoding="utf-8")
        process = spawn(
            [str(self.program), *_flags(self._parameters(port))],
            log=self.log,
            cwd=self.paths.valkey_data,
            env=clean_environment(),
            account=self.account,
        )
        if not self._wait_ready(process.pid, process):
            message = f"Valkey did not start, see {self.log}:\n{log_tail(self.log)}"
            raise EmbeddedError(message)
        return True

    def stop(self) -> None:
        """Stop the server if it runs; EmbeddedError if it does not obey."""
        pid = self.pid()
        if pid is not None and not stop_pid(pid, STOP_SIGNALS):
            message = f"Valkey (process {pid}) does not stop, see {self.log}"
            raise EmbeddedError(message)

    def _parameters(self, port: int) -> dict[str, str]:
        return {
            "port": str(port),
            "bind": HOST,
            "dir": str(self.paths.valkey_data),
            "pidfile": str(self.pid_file),
            "databases": str(DATABASES),
            "appendonly": "yes",
            "save": "",
            # A broker that evicts loses tasks; full memory must be an error instead.
            "maxmemory-policy": "noeviction",
            # Keeps the data folder in the command line, by which the process is recognised.
            "set-proc-title": "no",
        }

    def _wait_ready(self, pid: int, process: subprocess.Popen[bytes] | None = None) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process is not None and process.poll() is not None:
                return False
            try:
                with redis.Redis(host=HOST, port=self.port(), socket_timeout=5) as client:
                    # Another program may have taken the port meanwhile: ask who answers.
                    # INFO is answered while the data is still loading, PING only afterwards.
                    if client.info("server")["process_id"] == pid and client.ping():
                        return True
            except redis.RedisError:
                if process is None and self.pid() != pid:
                    return False
            time.sleep(0.05)
        return False


def free_port() -> int:
    """Return a TCP port of the loopback interface that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    if port == 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _flags(parameters: dict[str, str]) -> list[str]:
    return [part for name, value in parameters.items() for part in (f"--{name}", value)]
