"""`python -m benchmarks.inside.drain BASE_URL ROWS THREADS`: fetch and parse every page of transactions, and no more."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.standin.server import KEY
from partners.debitura.client import LARGEST_PAGE, DebituraClient


def drain(base_url: str, first: int, pages: int, step: int) -> int:
    """Read the pages `first`, `first + step`, … on one connection; how many rows they held."""
    with DebituraClient(base_url, KEY) as client:
        numbers = range(first, pages + 1, step)
        return sum(len(client.transaction_page(number, page_size=LARGEST_PAGE)) for number in numbers)


def main(base_url: str, rows: int, threads: int) -> None:
    pages = -(-rows // LARGEST_PAGE)
    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        read = sum(pool.map(lambda first: drain(base_url, first, pages, threads), range(1, threads + 1)))
    print(json.dumps({"seconds": time.perf_counter() - begun, "rows": read}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
