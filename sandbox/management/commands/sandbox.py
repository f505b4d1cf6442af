"""`manage.py sandbox`: a stand-in for Debitura's Referral and Collection Partner APIs on 127.0.0.1."""

import gc
import hashlib
import os
import signal
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from random import Random
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sandbox import faults, rules, scenarios
from sandbox.limits import RateLimits
from sandbox.live import Ticker, today_so_far
from sandbox.server import SandboxServer
from sandbox.world import World

SCENARIOS = {"guide": scenarios.guide_example}


class Command(BaseCommand):
    help = "Serves a stand-in for Debitura's Referral and Collection Partner APIs on 127.0.0.1. Needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--port", type=int, default=8900, help="0 picks a free one (default: %(default)s)")
        add("--transactions", type=int, default=2000, help="how many to generate (default: %(default)s)")
        add("--clients", type=int, default=40, help="how many to generate (default: %(default)s)")
        add("--seed", type=int, default=1, help="the same seed makes the same data and key (default: 1)")
        add(
            "--end",
            type=date.fromisoformat,
            help="last day with payments, YYYY-MM-DD (default: yesterday, UTC)",
        )
        add(
            "--mode",
            choices=rules.MODES,
            default=rules.PAY_WHEN_PAID,
            help="the partner's invoicingTriggerMode",
        )
        add("--scenario", choices=SCENARIOS, help="a small fixed world in place of generated data")
        add("--live", action="store_true", help="let time pass: payments, stages, rates, corrections")
        add("--live-every", type=float, default=20.0, metavar="SECONDS", help="between steps (default: 20)")
        add("--faults", default="", metavar="SPEC", help=f"what goes wrong. {faults.usage()}")
        add("--latency", type=float, default=0.0, metavar="MS", help="added to every answer")
        add("--collection", action="store_true", help="also print the key of the Collection Partner API")
        add("--no-limits", action="store_true", help="without the documented rate limits")

    def handle(self, *_: Any, **options: Any) -> None:
        ended = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_signal: ended.set())
        world = _long_lived(lambda: _world(options))
        with ExitStack() as running:
            server = running.enter_context(_server(world, options))
            if options["live"]:
                today_so_far(world, datetime.now(UTC), Random(world.seed))
                running.enter_context(Ticker(world, every=options["live_every"]))
            self.stdout.write(f"Address: {server.address}\nKey: {server.key}")
            if options["collection"]:
                self.stdout.write(f"Collection key: {server.collection_key}")
            self.stdout.flush()
            ended.wait()


def _long_lived(make: Callable[[], World]) -> World:
    """A million records that stay are no garbage: collecting would only walk them again and again."""
    gc.disable()
    world = make()
    gc.freeze()
    gc.enable()
    return world


def _world(options: dict[str, Any]) -> World:
    if options["scenario"]:
        world = SCENARIOS[options["scenario"]]()
        world.mode = options["mode"]
        return world
    if options["transactions"] < 0 or options["clients"] < 1:
        raise CommandError("Give 0 or more transactions and at least 1 client.")
    end = options["end"] or (datetime.now(UTC) - timedelta(days=1)).date()
    return World.generate(options["seed"], options["transactions"], options["clients"], end, options["mode"])


def _server(world: World, options: dict[str, Any]) -> SandboxServer:
    try:
        return SandboxServer(
            world,
            port=options["port"],
            key=os.environ.get("SANDBOX_KEY") or _key("key", options["seed"]),
            collection_key=os.environ.get("SANDBOX_COLLECTION_KEY") or _key("collection key", options["seed"]),
            faults=options["faults"],
            limits=RateLimits.none() if options["no_limits"] else RateLimits.documented(),
            latency=options["latency"] / 1000,
        )
    except ValueError as error:
        raise CommandError(str(error)) from error
    except (OSError, OverflowError) as error:
        raise CommandError(f"Cannot listen on 127.0.0.1:{options['port']}: {error}. Try --port 0.") from error


def _key(name: str, seed: int) -> str:
    """The same for the same seed; it opens nothing but this sandbox."""
    return f"sandbox-{hashlib.sha256(f'sandbox {name} {seed}'.encode()).hexdigest()[:32]}"
