"""dlt's REST source into PostgreSQL, in the peers' environment: `python dlt_load.py SETTINGS` (JSON); prints a JSON line.

Settings: base_url, key, database_url, home, shards, file_format, strategy, workers, buffer, file_items. The merge is on
transactionId. Everything here is from dlt's own pages on performance, PostgreSQL and merging.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

settings: dict[str, Any] = json.loads(sys.argv[1])
os.environ.update(
    DLT_DATA_DIR=settings["home"],
    RUNTIME__DLTHUB_TELEMETRY="false",
    RUNTIME__LOG_LEVEL="ERROR",
    EXTRACT__WORKERS=str(settings["shards"]),
    EXTRACT__MAX_PARALLEL_ITEMS=str(2 * settings["shards"]),
    NORMALIZE__WORKERS=str(settings["workers"]),
    NORMALIZE__START_METHOD="fork",
    DATA_WRITER__BUFFER_MAX_ITEMS=str(settings["buffer"]),
    DATA_WRITER__FILE_MAX_ITEMS=str(settings["file_items"]),
    DATA_WRITER__DISABLE_COMPRESSION="true",
    NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION="true",
    LOAD__DELETE_COMPLETED_JOBS="true",
)

import dlt  # noqa: E402  it reads the environment when it is imported
from dlt.sources.rest_api import rest_api_source  # noqa: E402

FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def windows(count: int, first: datetime, last: datetime) -> list[dict[str, str]]:
    """`count` windows of payment dates that lie side by side and leave nothing out."""
    if count == 1:
        return [{}]
    step = (last - first) / count
    bounds = [FIRST_DAY, *(first + step * number for number in range(1, count)), last + timedelta(days=3650)]
    tick = timedelta(microseconds=1)
    return [
        {"FromDate": f"{start:%Y-%m-%dT%H:%M:%S.%f}0Z", "ToDate": f"{end - tick:%Y-%m-%dT%H:%M:%S.%f}9Z"}
        for start, end in pairwise(bounds)
    ]


def resource(name: str, params: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "table_name": "transactions",
        "primary_key": "transactionId",
        "write_disposition": {"disposition": "merge", "strategy": settings["strategy"]},
        "parallelized": settings["shards"] > 1,
        "endpoint": {
            "path": "reporting/transactions",
            "params": {"PageSize": 100, "Sort": "collectionDate:asc", **params},
            "data_selector": "data",
            "paginator": {"type": "page_number", "base_page": 1, "page_param": "Page", "total_path": "page.totalPages"},
        },
    }


def main() -> None:
    now = datetime.now(UTC)
    parts = windows(settings["shards"], now - timedelta(days=3 * 365), now)
    source = rest_api_source(
        {
            "client": {
                "base_url": settings["base_url"],
                "auth": {"type": "api_key", "name": "XApiKey", "api_key": settings["key"], "location": "header"},
            },
            "resources": [resource(f"transactions_{number}", params) for number, params in enumerate(parts)],
        },
        parallelized=settings["shards"] > 1,
    )
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        destination=dlt.destinations.postgres(credentials=settings["database_url"]),
        dataset_name="bench",
    )
    seconds = {}
    for step, run in (
        ("extract", lambda: pipeline.extract(source, loader_file_format=settings["file_format"])),
        ("normalize", pipeline.normalize),
        ("load", pipeline.load),
    ):
        begun = time.perf_counter()
        run()
        seconds[step] = time.perf_counter() - begun
    with pipeline.sql_client() as client:
        rows = client.execute_sql("SELECT count(*) FROM transactions")[0][0]
    print(json.dumps({"seconds": sum(seconds.values()), "rows": rows, "steps": seconds}))


if __name__ == "__main__":
    main()
