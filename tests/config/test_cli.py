"""The command line: its list, its ports, its checks."""

import socket
from pathlib import Path

import pytest

from config.cli import __main__ as cli
from config.cli.check import long_modules
from config.cli.platform import port_choose
from core.embedded.errors import EmbeddedError
from core.embedded.valkey import HOST


@pytest.mark.parametrize(("argv", "code"), [([], 2), (["nonsense"], 2), (["help"], 0)])
def test_usage_names_every_command(
    argv: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(argv) == code
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in cli.COMMANDS)


def test_a_wanted_port_that_is_taken_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"port {port} is not free"):
            port_choose(port)
    assert port_choose(port) == port


def test_a_module_beyond_the_limit_is_found(tmp_path: Path) -> None:
    (tmp_path / "core" / "migrations").mkdir(parents=True)
    (tmp_path / "core" / "short.py").write_text("x = 1\n" * 400)
    (tmp_path / "core" / "long.py").write_text("x = 1\n" * 401)
    (tmp_path / "core" / "migrations" / "0001_long.py").write_text("x = 1\n" * 500)
    (tmp_path / "core" / "long.sql").write_text("SELECT 1;\n" * 401)
    (tmp_path / "core" / "long.csv").write_text("1\n" * 401)
    assert long_modules(tmp_path) == [(Path("core/long.py"), 401), (Path("core/long.sql"), 401)]
