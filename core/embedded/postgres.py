"""One embedded PostgreSQL server: made, started, found again, stopped."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from core.embedded.errors import EmbeddedError, log_tail
from core.embedded.paths import InstancePaths
from core.embedded.processes import clean_environment, pid_from_file, run_as, spawn, stop_pid

SUPERUSER = "postgres"
OWNER_ROLE = "xfq_owner"
APP_ROLE = "xfq_app"
DATABASE = "xfq"
MAX_CONNECTIONS = 200
START_TIMEOUT_S = 60.0
# SIGINT is PostgreSQL's fast shutdown (checkpoint), SIGQUIT its immediate one (crash recovery).
STOP_SIGNALS = [(signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0)]

ROLES = {
    OWNER_ROLE: "LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
    APP_ROLE: "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server by its folders, its programs and the account it runs as."""

    paths: InstancePaths
    programs: Path
    account: pwd.struct_passwd | None
    fsync: bool

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.paths.logs / "postgres.log"

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the connection URL for a role (the socket folder is the host)."""
        return f"postgresql://{role}@/{database}?host={self.paths.sockets}"

    def pid(self) -> int | None:
        """Return the id of the running server on this data folder, if there is one."""
        return pid_from_file(
            self.paths.postgres_data / "postmaster.pid", str(self.paths.postgres_data)
        )

    def start(self) -> bool:
        """Start the server or attach to the one that runs; tell whether it was started."""
        pid = self.pid()
        if pid is not None:
            if self._wait_ready(pid):
                return False
            self.stop()
        if not (self.paths.postgres_data / "PG_VERSION").is_file():
            self._init()
        process = spawn(
            [
                str(self.programs / "postgres"),
                "-D",
                str(self.paths.postgres_data),
                *_flags(self._parameters()),
            ],
            log=self.log,
            cwd=self.paths.postgres_data,
            env=clean_environment(),
            account=self.account,
        )
        if not self._wait_ready(process.pid, process):
            message = f"PostgreSQL did not start, see {self.log}:\n{log_tail(self.log)}"
            raise EmbeddedError(message)
        return True

    def stop(self) -> None:
        """Stop the server if it runs; EmbeddedError if it does not obey."""
        pid = self.pid()
        if pid is not None and not stop_pid(pid, STOP_SIGNALS):
            message = f"PostgreSQL (process {pid}) does not stop, see {self.log}"
            raise EmbeddedError(message)

    def prepare(self) -> None:
        """Create both roles and the database if missing; the only use of the superuser."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role, attributes in ROLES.items():
                verb = "ALTER" if role in known else "CREATE"
                connection.execute(
                    sql.SQL("{} ROLE {} {}").format(
                        sql.SQL(verb), sql.Identifier(role), sql.SQL(attributes)
                    )
                )
            # The owner may end the sessions of the app role (dropping a test's database needs it).
            connection.execute(
                sql.SQL("GRANT {} TO {}").format(
                    sql.Identifier(APP_ROLE), sql.Identifier(OWNER_ROLE)
                )
            )
            row = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if row is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
                    )
                )

    def _parameters(self) -> dict[str, str]:
        durable = "on" if self.fsync else "off"
        return {
            "listen_addresses": "",
            "unix_socket_directories": str(self.paths.sockets),
            "max_connections": str(MAX_CONNECTIONS),
            "shared_buffers": "256MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
            "fsync": durable,
            "synchronous_commit": durable,
            "full_page_writes": durable,
        }

    def _init(self) -> None:
        """Make the data folder in one step: a launcher killed on the way leaves no half of it."""
        unfinished = self.paths.postgres_data.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(unfinished, self.account.pw_uid, self.account.pw_gid)
        done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
            [
                str(self.programs / "initdb"),
                "-D",
                str(unfinished),
                f"--username={SUPERUSER}",
                # Only this socket folder, closed to other accounts, leads to the server.
                "--auth=trust",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
                *([] if self.fsync else ["--no-sync"]),
            ],
            cwd=unfinished,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            **run_as(self.account),
        )
        if done.returncode != 0:
            message = f"initdb failed:\n{done.stdout}{done.stderr}"
            raise EmbeddedError(message)
        unfinished.rename(self.paths.postgres_data)

    def _wait_ready(self, pid: int, process: subprocess.Popen[bytes] | None = None) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process is not None and process.poll() is not None:
                return False
            try:
                # A single plain connection: a pool would hide the error.
                psycopg.connect(self.url(SUPERUSER, "postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if process is None and self.pid() != pid:
                    return False
                time.sleep(0.05)
            else:
                return True
        return False


def _flags(parameters: dict[str, str]) -> list[str]:
    return [part for name, value in parameters.items() for part in ("-c", f"{name}={value}")]
