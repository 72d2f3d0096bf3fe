# Two commands do all the set-up: `make demo` and `make test`.
# PYTHON may name another interpreter, 3.11 or later: make test PYTHON=python3.12

SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

# numba's disk cache does not see that a kernel called from another file has changed, so the
# cache's name holds the sum of every source file.
SOURCES := $(wildcard person/*.py blocking/*.py matching/*.py matching/kernels/*.py data_gen/*.py \
	index_store/*.py mpi/*.py)
export NUMBA_CACHE_DIR ?= $(CURDIR)/$(VENV)/numba-cache/$(shell cat $(SOURCES) /dev/null | cksum | cut -d' ' -f1)

PACKAGES := person blocking matching data_gen index_store mpi cli bench
PYTEST_ARGUMENTS ?= -n 2 --dist loadfile

.PHONY: help venv install demo test population check format accuracy bench baseline clean
.DEFAULT_GOAL := help

help:  ## List the targets.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/' | expand -t 14

venv: $(BIN)/python  ## Make the virtual environment.

$(BIN)/python:
	@sh scripts/make_venv.sh "$(PYTHON)" $(VENV)

$(VENV)/.stamp-%: pyproject.toml | $(BIN)/python
	@echo "installing .[$*] into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$*]'
	@touch $@

install: $(VENV)/.stamp-dev  ## Install everything that tests and checks need.

demo: $(VENV)/.stamp-report $(VENV)/.stamp-review  ## Make 20,000 people, run the main job, judge it.
	@$(BIN)/mpi demo

test: install  ## Run every test.
	@$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

population: $(VENV)/.stamp-report  ## Make 1 million people and hold them against published facts.
	@$(BIN)/mpi generate --quick 1m --out build/population --overwrite
	@$(BIN)/mpi generate check build/population --out build/population.html

check: install  ## Lint, types of the public surface, arrows between packages.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: install  ## Put every file into the house's form.
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

accuracy: $(VENV)/.stamp-accuracy $(VENV)/.stamp-report  ## Measure against labelled tables, beside Splink.
	@$(BIN)/python -m bench.accuracy

bench: $(VENV)/.stamp-bench  ## Measure speed on 100,000 records; checked against the stored baseline.
	@$(BIN)/mpi bench run --scale small --out build/bench/result.json \
		$(if $(wildcard bench/results/baseline.json),--check bench/results/baseline.json)

baseline: $(VENV)/.stamp-bench  ## Measure what `make bench` is checked against; on a quiet machine.
	@$(BIN)/mpi bench baseline

clean:  ## Remove what the targets made, the virtual environment included.
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache demo-out accuracy-out
	find $(PACKAGES) tests -name __pycache__ -prune -exec rm -rf {} +
