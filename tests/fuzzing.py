"""How hard the tests try that make up what they send.

They send the same in every run; `FUZZ=500` in the environment makes them try that many examples of each kind instead, other
ones in each run, which is for an evening, not for `make test`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from hypothesis import HealthCheck, Phase, settings

FUZZ = int(os.environ.get("FUZZ", "0"))


def tries(examples: int) -> settings:
    """So many examples, whatever each of them takes; a failing one is made smaller before it is told."""
    return settings(
        max_examples=FUZZ or examples,
        derandomize=not FUZZ,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def undone() -> Iterator[None]:
    """What is written inside is gone afterwards, so that no example builds on another one."""
    block = transaction.atomic()
    # As pytest-django's own: what must not be inside a transaction may be inside one that stands for a test.
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)
