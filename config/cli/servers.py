"""`./run services`, `./run stop`, `./run reset`: the embedded services by hand."""

import argparse
import shutil

from config.cli.screen import say, step
from core.embedded.paths import CHECKOUT, data_root, instance_paths
from core.embedded.services import ensure_services, services_reset, services_stop
from core.embedded.supervisor import leftovers_stop


def start(argv: list[str]) -> int:
    """Start the servers, leave them running and print their URLs as shell assignments."""
    argparse.ArgumentParser(prog="./run services").parse_args(argv)
    urls = ensure_services()
    for name, value in urls.environment().items():
        say(f"{name}='{value}'")
    return 0


def stop(argv: list[str]) -> int:
    """Stop every instance of this checkout and the processes of its supervisors."""
    argparse.ArgumentParser(prog="./run stop").parse_args(argv)
    for instance in _instances():
        ended = leftovers_stop(instance_paths(instance).home)
        if ended:
            step(f"{instance}: stopped {ended} processes")
        if services_stop(instance):
            step(f"{instance}: stopped PostgreSQL and Valkey")
    return 0


def reset(argv: list[str]) -> int:
    """Stop everything and delete data, logs and generated files of this checkout."""
    argparse.ArgumentParser(prog="./run reset").parse_args(argv)
    stop([])
    for instance in _instances():
        services_reset(instance)
        step(f"deleted {instance_paths(instance).home}")
    for root in {data_root(), CHECKOUT / ".run"}:
        shutil.rmtree(root, ignore_errors=True)
    return 0


def _instances() -> list[str]:
    root = data_root()
    if not root.is_dir():
        return []
    return sorted(path.parent.name for path in root.glob("*/launcher.lock"))
