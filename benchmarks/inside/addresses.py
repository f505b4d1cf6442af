"""Addresses that only the benchmark's site has."""

HELLO = "/bench/hello/"
HARD_CODED = "/bench/hard-coded"
