"""`manage.py sandbox` as a process of its own."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).parents[2]
# The database does not exist: the command must not need one.
ENVIRONMENT = os.environ | {"SECRET_KEY": "only-for-this-test", "DATABASE_URL": "sqlite:////nonexistent/x.sqlite3"}


def command(*arguments):
    return [sys.executable, "manage.py", "sandbox", "--transactions", "50", "--clients", "5", *arguments]


@contextmanager
def running(*arguments, **environment):
    process = subprocess.Popen(
        command("--port", "0", *arguments),
        cwd=ROOT,
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def lines(process):
    return [process.stdout.readline() for _ in range(2)]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_command_prints_two_lines_answers_and_ends_cleanly(ending):
    with running("--live", "--live-every", "0.05") as process:
        address, key = lines(process)
        assert re.fullmatch(r"Address: http://127\.0\.0\.1:\d+\n", address)
        assert re.fullmatch(r"Key: sandbox-[0-9a-f]{32}\n", key)
        request = urllib.request.Request(f"{address.split()[1]}/me", headers={"XApiKey": key.split()[1]})
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.status == 200
        process.send_signal(ending)
        assert process.communicate(timeout=10) == ("", "")
        assert process.returncode == 0


def test_command_prints_the_collection_key_where_it_is_asked_to():
    with running("--scenario", "guide", "--collection") as process:
        key, collection = [process.stdout.readline() for _ in range(3)][1:]
        assert re.fullmatch(r"Collection key: sandbox-[0-9a-f]{32}\n", collection)
        assert collection != f"Collection {key.lower()}"


def test_command_takes_its_keys_from_the_environment():
    with running("--scenario", "guide", "--collection", SANDBOX_KEY="my-own", SANDBOX_COLLECTION_KEY="mine") as process:
        assert [process.stdout.readline() for _ in range(3)][1:] == ["Key: my-own\n", "Collection key: mine\n"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--faults", "fire"], "Unknown fault 'fire'."),
        (["--clients", "0"], "Give 0 or more transactions and at least 1 client."),
    ],
)
def test_command_refuses_what_it_cannot_do(arguments, message, capfd):
    with pytest.raises(CommandError) as refused:
        call_command("sandbox", *arguments)
    assert str(refused.value).startswith(message)
    assert capfd.readouterr().out == ""


def test_command_says_when_the_port_is_taken():
    with running() as process:
        port = lines(process)[0].rpartition(":")[2].strip()
        done = subprocess.run(
            command("--port", port), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
