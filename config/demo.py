"""`make demo`: the whole of Feeboard on this machine, with the sandbox in Debitura's place. Needs no server and no settings.

Everything lives under var/demo and starts anew each time: the sandbox is a new world, and so are the figures from it.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "var" / "demo"
# Beside HOME, which every demo removes first.
LOCK = ROOT / "var" / "demo.lock"
EMAIL = "demo@feeboard.example"
SECONDS_TO_ANSWER = 60

Process = subprocess.Popen[str]


def main() -> int:
    port = _arguments().port
    _refuse_taken(port)
    with _only_demo():
        return _run_demo(port)


def _run_demo(port: int) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    env = _environment()
    children: list[Process] = []
    try:
        _prepare(env, children)
        children += [_start(env, "site", *_gunicorn(port)), _start(env, "schedule", *_manage("schedule"))]
        _wait_for_answer(port, children)
        _say(f"Address: http://127.0.0.1:{port}\nE-mail: {EMAIL}\nPassword: {env['DJANGO_SUPERUSER_PASSWORD']}")
        return _watch(children)
    except KeyboardInterrupt:
        return 0
    finally:
        _end(children)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    return parser.parse_args()


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"Port {port} is taken by another program. Choose another one: make demo PORT={port + 1}")


@contextmanager
def _only_demo() -> Iterator[None]:
    """A second demo of this checkout would remove the first one's database. The lock dies with its process."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("A demo of this checkout is running already. Stop it first, with Ctrl-C where it was started.")
        yield


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _environment() -> dict[str, str]:
    """Nothing of the surrounding environment decides: the demo must not touch somebody's real database or key."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "FEEBOARD_ENV_FILE": os.devnull,
        "DATABASE_URL": f"sqlite:///{HOME / 'feeboard.sqlite3'}",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(12),
        "HTTPS": "off",
        "PULL_EVERY_SECONDS": "30",
        "PYTHONUNBUFFERED": "1",
    }


def _prepare(env: dict[str, str], children: list[Process]) -> None:
    """Database, static files, a person, the sandbox, and a first pull."""
    _run(env, "migrate", "--verbosity=0")
    _run(env, "collectstatic", "--noinput", "--verbosity=0")
    _run(env, "createsuperuser", "--noinput", f"--email={EMAIL}", "--verbosity=0")
    sandbox = _start(env, "sandbox", *_manage("sandbox", "--port=0", "--live", "--collection"), output=subprocess.PIPE)
    children.append(sandbox)
    address, key, collection_key = _read_lines(sandbox, "Address: ", "Key: ", "Collection key: ")
    connect = (
        "connect_partner",
        "--slug=demo",
        "--name=Demo Referrals",
        f"--base-url={address}",
        "--api-key-env=DEMO_KEY",
    )
    _run(env | {"DEMO_KEY": key}, *connect)
    collect = (
        "connect_collection_partner",
        "--partner=demo",
        f"--base-url={address}",
        "--api-key-env=DEMO_KEY",
        "--lifecycle-path=/cases/{id}/lifecycle",
    )
    _run(env | {"DEMO_KEY": collection_key}, *collect)
    # The sandbox lives on while it is read, so a first pull may differ (3) and be put right by the next one.
    _run(env, "sync", expected=(0, 3))


def _read_lines(sandbox: Process, *beginnings: str) -> list[str]:
    """What stands behind each of the `beginnings` of the first lines."""
    lines = [line.strip() for line in islice(sandbox.stdout or (), len(beginnings))]
    if len(lines) < len(beginnings):
        sys.exit(f"The sandbox did not start; see {HOME / 'sandbox.log'}.")
    return [line.removeprefix(beginning) for line, beginning in zip(lines, beginnings, strict=True)]


def _manage(*words: str) -> tuple[str, ...]:
    return (sys.executable, str(ROOT / "manage.py"), *words)


def _gunicorn(port: int) -> tuple[str, ...]:
    place = ("--bind", f"127.0.0.1:{port}", "--chdir", str(ROOT))
    return (
        sys.executable,
        "-m",
        "gunicorn",
        "config.wsgi",
        *place,
        "--no-control-socket",
        "--workers",
        "2",
        "--threads",
        "4",
    )


def _run(env: dict[str, str], *words: str, expected: tuple[int, ...] = (0,)) -> None:
    done = subprocess.run(_manage(*words), env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode not in expected:
        sys.exit(f"manage.py {words[0]} failed:\n{done.stdout}{done.stderr}")


def _start(env: dict[str, str], name: str, *command: str, output: int | None = None) -> Process:
    """A process whose words go to var/demo/<name>.log; it stays in our process group, so that Ctrl-C reaches it too."""
    log: IO[str] = (HOME / f"{name}.log").open("w")
    with log:
        return subprocess.Popen(command, env=env, cwd=ROOT, stdout=output or log, stderr=log, text=True)


def _wait_for_answer(port: int, children: list[Process]) -> None:
    give_up = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < give_up and all(child.poll() is None for child in children):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"The site did not start; see {HOME / 'site.log'}.")


def _watch(children: list[Process]) -> int:
    """Return when any of them ends: the demo is whole or it is over."""
    while all(child.poll() is None for child in children):
        time.sleep(0.5)
    _say(f"A part of the demo ended by itself; see the logs in {HOME}.")
    return 1


def _end(children: list[Process]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
