"""Where the embedded servers keep data, logs and sockets, and as which user they run."""

import hashlib
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Data that must outlive a reboot, unlike the system's temporary directory.
FALLBACK_ROOT = Path("/var/tmp")  # noqa: S108 - the folders below it are private
SERVER_USER = "nobody"


@dataclass(frozen=True, slots=True)
class InstancePaths:
    """The folders of one instance (`default`, `test`, …): `home` holds all but the sockets."""

    home: Path
    sockets: Path

    @property
    def postgres_data(self) -> Path:
        """Data folder of PostgreSQL, owned by the user it runs as."""
        return self.home / "postgres"

    @property
    def valkey_data(self) -> Path:
        """Append-only file and snapshot of Valkey."""
        return self.home / "valkey"

    @property
    def logs(self) -> Path:
        """Log files of the servers and of the processes a supervisor starts."""
        return self.home / "logs"

    @property
    def record(self) -> Path:
        """URLs and process ids of the running servers (JSON)."""
        return self.home / "services.json"

    @property
    def lock(self) -> Path:
        """Held while servers are started, stopped or reset."""
        return self.home / "launcher.lock"


def server_account() -> pwd.struct_passwd | None:
    """Return the account the servers run as, or None for the caller's own.

    PostgreSQL refuses to run as root, so root hands both servers to an unprivileged account.
    """
    return pwd.getpwnam(SERVER_USER) if os.geteuid() == 0 else None


def instance_paths(instance: str, root: Path | None = None) -> InstancePaths:
    """Return the folders of an instance; `root` overrides where they lie (tests)."""
    base = root or data_root()
    digest = hashlib.sha256(f"{base}/{instance}".encode()).hexdigest()[:12]
    # A socket path over 107 bytes is fatal, so sockets never lie under the checkout.
    sockets = Path(tempfile.gettempdir()) / f"xfq-{digest}"
    return InstancePaths(home=base / instance, sockets=sockets)


def data_root() -> Path:
    """Return `.run` in the checkout, or a private folder when the server user cannot reach it."""
    if server_account() is None or others_can_reach(CHECKOUT):
        return CHECKOUT / ".run"
    digest = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    return FALLBACK_ROOT / f"xfq-{digest}"


def others_can_reach(path: Path) -> bool:
    """Tell whether an unprivileged account may pass through `path` and all its parents."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in [path, *path.parents])
