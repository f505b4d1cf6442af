"""`python -m benchmarks.standin ROWS END FOLDER [PORT]`: serve that many rows up to the day END; prints the address."""

import asyncio
import gc
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path

from benchmarks.standin.api import StandIn
from benchmarks.standin.rows import kept
from benchmarks.standin.server import serve

count, end, folder, *port = sys.argv[1:]
# A million rows make no cycles, and looking for some would be most of the work.
gc.disable()
stand_in = StandIn(kept(Path(folder), int(count), date.fromisoformat(end)))
with suppress(KeyboardInterrupt):
    asyncio.run(serve(stand_in, int(port[0]) if port else 0))
