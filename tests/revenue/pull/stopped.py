"""`python -m tests.revenue.pull.stopped PLACE`: `manage.py sync --json` that stops for ever when it comes to a function.

PLACE is the dotted name of the function. The process says "stopped" when it is there, and waits to be killed.
"""

import os
import pkgutil
import signal
import sys
from pathlib import Path
from typing import Any

import django


def main(place: str) -> None:
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.VAR_DIR = Path(os.environ["VAR_DIR_OF_TESTS"])
    owner, _, name = place.rpartition(".")

    def stop(*_: Any, **__: Any) -> None:
        sys.stdout.write("stopped\n")
        sys.stdout.flush()
        signal.pause()

    setattr(pkgutil.resolve_name(owner), name, stop)
    call_command("sync", "--json")


if __name__ == "__main__":
    main(sys.argv[1])
