"""transactions.csv of a million rows from gunicorn, against psql's \\copy of the same columns in the same order."""

from __future__ import annotations

import http.client
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.feeboard import Feeboard
from benchmarks.figures import Figure, Side, at_least, within
from benchmarks.gunicorn import gunicorn
from benchmarks.processes import Failed, run, watched
from benchmarks.site import site_of

ROWS = 1_000_000
ROUNDS = 3
FIRST_BYTE_MS = 50
MEMORY_MB = 10
_BUFFER = 1 << 18
# The joins, columns and order of the export; its cells are made safe for spreadsheets on top of that.
COPY = r"""\copy (
SELECT t.transaction_id, t.payment_date, t.payment_date, c.company_name, c.creditor_id, c.external_tenant_id,
    k.reference, k.client_reference, k.partner_reference, k.debtor_name, t.payment_amount, t.payment_currency,
    t.fee, t.earnings_currency, t.fee_usd, t.fee_percentage, t.is_estimate, t.revenue_usd, t.stage, t.stage,
    t.commission_status, t.platform_status, t.referral_status, t.first_seen_at, t.stage_since, k.collection_partner,
    CASE WHEN t.payment_amount <> 0 THEN 'Success Fee' WHEN t.revenue <> 0 THEN 'Hourly Rate / Fixed Fee' END, k.date_created
FROM revenue_transaction t
LEFT JOIN partners_client c ON c.id = t.client_id LEFT JOIN partners_case k ON k.id = t.case_id
WHERE t.account_id = (SELECT id FROM partners_partneraccount) AND t.removed_at IS NULL
ORDER BY t.payment_date DESC, t.id DESC) TO '/dev/null' WITH (FORMAT csv, HEADER)"""


@dataclass(frozen=True, slots=True)
class Download:
    """One whole file: seconds in all, milliseconds to its first byte, its lines."""

    seconds: float
    first_byte_ms: float
    lines: int


def export(bench: Bench) -> Iterator[Figure]:
    """Rows a second, the first byte, and what the worker's memory grows by."""
    feeboard = bench.loaded(ROWS)
    with site_of(feeboard) as site:
        session = site.session
    copied, files, grown = [], [], []
    with gunicorn(feeboard) as (port, pid):
        # The first request of a worker loads what every later one finds in memory.
        _download(port, session, "?from=2025-01-01&to=2025-01-02")
        for number in range(ROUNDS):
            bench.say(f"transactions.csv of {ROWS:,} rows, round {number + 1} of {ROUNDS}")
            copied.append(_copied(feeboard))
            with watched(pid) as watch:
                idle = watch.reset()
                files.append(_download(port, session))
            grown.append(watch.peak_mb - idle)
    if any(file.lines != ROWS + 1 for file in files):
        raise Failed(f"transactions.csv had {files[0].lines:,} lines.")
    size = f"{ROWS:,} rows"
    speed = Side([ROWS / file.seconds for file in files], "rows/s")
    yield at_least(
        f"transactions.csv, {size}", speed, Side([ROWS / took for took in copied], "rows/s", "psql \\copy"), 0.5
    )
    yield within(f"Its first byte, {size}", Side([file.first_byte_ms for file in files], "ms"), FIRST_BYTE_MS)
    yield within(f"Memory over the idle workers, {size}", Side(grown, "MB"), MEMORY_MB)


def _copied(feeboard: Feeboard) -> float:
    """Seconds of psql's own copy."""
    psql = shutil.which("psql")
    if psql is None:
        raise Failed("psql is not on the PATH; it is what the export is compared with.")
    words = [psql, "--no-psqlrc", "--quiet", feeboard.env["DATABASE_URL"]]
    return run(words, feeboard.env, text=" ".join(COPY.split())).seconds


def _download(port: int, session: str, query: str = "") -> Download:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    begun = time.perf_counter()
    connection.request("GET", f"/transactions/export.csv{query}", headers={"Cookie": f"sessionid={session}"})
    response = connection.getresponse()
    if response.status != 200:
        raise Failed(f"transactions.csv answered {response.status}.")
    lines = response.read(1).count(b"\n")
    first_byte = time.perf_counter() - begun
    buffer = bytearray(_BUFFER)
    while got := response.readinto(buffer):
        lines += buffer.count(b"\n", 0, got)
    seconds = time.perf_counter() - begun
    connection.close()
    return Download(seconds, first_byte * 1000, lines)
