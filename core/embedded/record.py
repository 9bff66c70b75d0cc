"""The record of running servers: written by the launcher, read by settings and tools."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from core.embedded.paths import instance_paths


@dataclass(frozen=True, slots=True)
class ServiceUrls:
    """How to reach the servers: as the app role, as the owner role, and the Valkey."""

    database_url: str
    owner_url: str
    redis_url: str

    def environment(self) -> dict[str, str]:
        """Return the variables the settings read, for a child process."""
        return {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.owner_url,
            "REDIS_URL": self.redis_url,
        }


# What settings name when nothing runs and nothing is set: the services' usual addresses.
USUAL_URLS = ServiceUrls(
    database_url="postgresql://xfq_app@127.0.0.1:5432/xfq",
    owner_url="postgresql://xfq_owner@127.0.0.1:5432/xfq",
    redis_url="redis://127.0.0.1:6379/0",
)


@dataclass(frozen=True, slots=True)
class Record:
    """One running instance; `keep` tells that it stays up when its last user leaves."""

    urls: ServiceUrls
    fsync: bool
    keep: bool


def record_write(path: Path, record: Record) -> None:
    """Replace the record in one step."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
    temporary.replace(path)


def record_read(path: Path) -> Record | None:
    """Return the record, or None when there is none or it cannot be read."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return Record(**{**raw, "urls": ServiceUrls(**raw["urls"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def running_urls(instance: str = "default") -> ServiceUrls:
    """Return the recorded URLs of an instance, or the usual addresses when none is recorded."""
    record = record_read(instance_paths(instance).record)
    return record.urls if record else USUAL_URLS
