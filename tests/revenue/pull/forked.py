"""`python -m tests.revenue.pull.forked`: runs commands in forks of a process that has loaded Django, and may kill them.

Reads lines of JSON, {"words": ["sync", …], "kill_after": seconds or null}; answers each with {"code", "seconds"} when
that process is gone, where a code of -9 tells that it was killed. Much faster than a new interpreter for each.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path

import django
from django.db import connections


def main() -> None:
    django.setup()
    from django.conf import settings

    # What a command imports is loaded once, here.
    import revenue.management.commands.sync  # noqa: F401

    settings.VAR_DIR = Path(os.environ["VAR_DIR_OF_TESTS"])
    answer({})
    for line in sys.stdin:
        asked = json.loads(line)
        # A connection must not be shared between processes; here none is ever opened.
        assert not any(connections[name].connection for name in connections)
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            work(asked["words"])
        answer({"code": end_of(child, asked["kill_after"]), "seconds": time.monotonic() - started})


def work(words: list[str]) -> None:
    """Run a command in this process and end it, with no way back into the loop of its parent."""
    from django.core.management import call_command

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    try:
        call_command(*words)
    except SystemExit as end:
        os._exit(int(end.code or 0))
    except BaseException:  # noqa: BLE001 a fork must never return into the loop of its parent
        traceback.print_exc()
    os._exit(70)


def end_of(child: int, kill_after: float | None) -> int:
    """The exit code of a child that may live for so many seconds."""
    handle = os.pidfd_open(child)
    ended, _, _ = select.select([handle], [], [], kill_after)
    if not ended:
        os.kill(child, signal.SIGKILL)
    os.close(handle)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def answer(line: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
