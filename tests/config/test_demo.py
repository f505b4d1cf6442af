"""What the demo refuses before it touches anything."""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path

import pytest

from config import demo


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a demo, with a database in it."""
    home = tmp_path / "demo"
    home.mkdir()
    (home / "feeboard.sqlite3").touch()
    monkeypatch.setattr(demo, "HOME", home)
    monkeypatch.setattr(demo, "LOCK", tmp_path / "demo.lock")
    return home


def start_on(port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a demo on `port` says when it refuses to begin."""
    monkeypatch.setattr("sys.argv", ["demo", "--port", str(port)])
    with pytest.raises(SystemExit) as refused:
        demo.main()
    return str(refused.value.code)


def test_second_demo_leaves_the_running_one_its_database(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with demo.LOCK.open("w") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        said = start_on(0, monkeypatch)
    assert said == "A demo of this checkout is running already. Stop it first, with Ctrl-C where it was started."
    assert (home / "feeboard.sqlite3").exists()


def test_demo_holds_its_lock_until_it_ends(home: Path) -> None:
    with demo.LOCK.open("w") as other:
        with demo._only_demo(), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_demo_on_a_port_that_is_taken_names_another(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = start_on(port, monkeypatch)
    assert said == f"Port {port} is taken by another program. Choose another one: make demo PORT={port + 1}"
    assert (home / "feeboard.sqlite3").exists()
