# Needs only make and Python 3.11 or newer; every target sets up .venv from the lock files by itself.

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: install demo test lint audit bench lock

install: .venv/run-stamp

demo: .venv/run-stamp
	@$(BIN)/python -m config.demo --port $(PORT)

test: .venv/dev-stamp lint
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal
	FEEBOARD_TEST_ON=postgres $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: .venv/dev-stamp
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive accounts benchmarks config partners revenue sandbox walls manage.py
	SECRET_KEY=lint $(BIN)/mypy .
	$(BIN)/lint-imports --no-logo

# Known holes in the pinned packages. It asks pypi.org, so it is no part of `make test`, which talks to nobody; it fails, too,
# where it gets no answer about a package.
audit: .venv/audit/bin/pip-audit
	$< --strict --require-hashes --disable-pip --requirement requirements/dev.txt

.venv/audit/bin/pip-audit: | .venv/bin/python
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit==2.10.1

# Every figure of the README, against a PostgreSQL at TEST_DATABASE_URL; BENCH_ONLY=pages,lists runs some of it.
bench: .venv/dev-stamp
	@$(BIN)/python -m benchmarks

# After a change to requirements/*.in; needs uv.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		requirements/run.in --output-file requirements/run.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--constraints requirements/run.txt requirements/dev.in --output-file requirements/dev.txt

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run-stamp: requirements/run.txt | .venv/bin/python
	$(PIP) install --require-hashes --requirement requirements/run.txt
	@touch $@

.venv/dev-stamp: requirements/dev.txt | .venv/bin/python
	$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@ .venv/run-stamp
