"""Processes of the benchmarks: their words, their end, their memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.processes import Failed, plain_environment, run, tree_cpu_seconds, tree_mb

MB = 60


def test_run_tells_what_was_said() -> None:
    done = run([sys.executable, "-c", "print(input()[::-1])"], plain_environment(), text="abc\n")
    assert (done.status, done.stdout, done.stderr) == (0, "cba\n", "")


def test_run_raises_for_another_status_with_the_last_words() -> None:
    with pytest.raises(Failed, match="ended with 3:\nso it is"):
        run([sys.executable, "-c", "import sys; print('so it is'); sys.exit(3)"], plain_environment())


def test_run_takes_an_expected_status() -> None:
    assert run([sys.executable, "-c", "raise SystemExit(3)"], plain_environment(), expected=(0, 3)).status == 3


def test_memory_counts_children() -> None:
    child = f"held = b'x' * {MB * 10**6}; print('held', flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    assert MB < tree_mb(process.pid) < 2 * MB
    process.communicate("\n")
    assert tree_mb(process.pid) == 0


def test_processor_time_counts_children() -> None:
    work = "while time.process_time() < 0.3: pass"
    child = f"import time\n{work}\nprint('done', flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "done\n"
    assert tree_cpu_seconds(process.pid) >= 0.3
    process.communicate("\n")
    assert tree_cpu_seconds(process.pid) == 0
