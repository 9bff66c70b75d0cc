"""The supervisor: children start in order, end with it, and leave nobody behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core.embedded.errors import EmbeddedError
from core.embedded.paths import CHECKOUT
from core.embedded.supervisor import ChildSpec, Supervisor, leftovers_stop

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
# A leader that obeys TERM and a member of its group that does not.
STUBBORN = """
import subprocess, sys, time
member = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
print(subprocess.Popen([sys.executable, "-c", member]).pid, flush=True)
time.sleep(600)
"""
LAUNCHER = """
import sys, time
from pathlib import Path
from core.embedded.supervisor import ChildSpec, Supervisor
home = Path(sys.argv[1])
with Supervisor(home) as supervisor:
    child = supervisor.start(
        ChildSpec("one", [sys.executable, "-c", "import time; time.sleep(600)"], {}, home)
    )
    print(child.process.pid, flush=True)
    supervisor.wait()
"""


def spec(home: Path, name: str, code: str, ready: Callable[[], bool] | None = None) -> ChildSpec:
    """A child that runs some Python."""
    return ChildSpec(name, [sys.executable, "-c", code], dict(os.environ), home, ready, 20.0)


def eventually(question: Callable[[], bool]) -> bool:
    """Ask until the answer is yes, for at most twenty seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.02)
    return False


def test_ready_restart_and_stop(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        log = supervisor.log_path("one")
        ready = lambda: log.exists() and "up" in log.read_text()  # noqa: E731
        first = supervisor.start(spec(tmp_path, "one", SLEEPER, ready)).process.pid
        second = supervisor.restart("one").process.pid
        assert not psutil.pid_exists(first)
        assert psutil.pid_exists(second)
        assert supervisor.dead() == []
        names = [entry["name"] for entry in json.loads((tmp_path / "processes.json").read_text())]
        assert names == ["supervisor", "one"]
    assert not psutil.pid_exists(second)
    assert not (tmp_path / "processes.json").exists()


def test_a_child_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        with pytest.raises(EmbeddedError, match=r"(?s)one did not become ready.*no such table"):
            supervisor.start(
                spec(tmp_path, "one", "raise SystemExit('no such table')", lambda: False)
            )
        supervisor.start(spec(tmp_path, "two", "raise SystemExit('disk on fire')"))
        with pytest.raises(EmbeddedError, match=r"(?s)one did not become ready.*no such table"):
            supervisor.wait()


def test_what_ends_is_started_again_unless_it_ends_again_and_again(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        once = "import pathlib, time; here = pathlib.Path('{}'); here.exists() and time.sleep(600)"
        here = tmp_path / "ran"
        supervisor.start(spec(tmp_path, "once", f"{once.format(here)}; here.touch()"))
        broken = (
            f"import pathlib, time\nwhile not pathlib.Path('{here}').exists(): time.sleep(0.01)"
        )
        broken += f"\nopen('{tmp_path}/ends', 'a').write('x'); raise SystemExit('disk on fire')"
        supervisor.start(spec(tmp_path, "broken", broken))
        with pytest.raises(EmbeddedError, match=r"(?s)broken ended with code 1.*disk on fire"):
            supervisor.wait()
        assert (tmp_path / "ends").read_text() == "x" * 4, "started, and three times again"
        assert [child.spec.name for child in supervisor.dead()] == ["broken"]


def test_the_whole_group_is_stopped(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        log = supervisor.log_path("one")
        ready = lambda: log.exists() and log.read_text().strip().isdigit()  # noqa: E731
        supervisor.start(spec(tmp_path, "one", STUBBORN, ready))
        member = psutil.Process(int(log.read_text()))
    assert eventually(lambda: not member.is_running() or member.status() == psutil.STATUS_ZOMBIE)


def test_one_supervisor_per_home(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        pid = supervisor.start(spec(tmp_path, "one", SLEEPER)).process.pid
        with pytest.raises(EmbeddedError, match="already running"), Supervisor(tmp_path):
            pass
        assert psutil.pid_exists(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_launcher_that_ends_leaves_nobody(tmp_path: Path, number: signal.Signals) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=CHECKOUT,
    )
    assert launcher.stdout is not None
    child = psutil.Process(int(launcher.stdout.readline()))
    launcher.send_signal(number)
    launcher.wait()
    launcher.stdout.close()
    if number == signal.SIGKILL:
        assert child.is_running()
        with Supervisor(tmp_path):
            assert eventually(lambda: not child.is_running())
    assert eventually(lambda: not child.is_running())


def test_stop_from_another_process(tmp_path: Path) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path)], stdout=subprocess.PIPE, cwd=CHECKOUT
    )
    assert launcher.stdout is not None
    child = psutil.Process(int(launcher.stdout.readline()))
    assert leftovers_stop(tmp_path) == 2
    launcher.wait()
    launcher.stdout.close()
    assert eventually(lambda: not child.is_running())
    assert leftovers_stop(tmp_path) == 0
