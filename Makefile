# make demo    set up and run the whole loop on real flights (5 minutes after the installation)
# make test    set up and pass every test
# make check   format, lint, types, import contracts
# make quick   the tests that take moments and need no service
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
DEMO_FROM ?= 2013-05-01
DEMO_UNTIL ?= 2013-07-03

.DEFAULT_GOAL := help
.PHONY: help setup demo test check quick format clean

help:
	@grep -E '^# make' Makefile | cut -c3-

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Perennial needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --seed --allow-existing --python "$(PYTHON)" $(VENV) && \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps -e . ; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  echo "Installing the packages of requirements.lock into $(VENV) (a few minutes) ..." && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e . ; \
	fi
	@touch $@

demo: setup
	@$(BIN)/perennial demo --from $(DEMO_FROM) --until $(DEMO_UNTIL) $(DEMO)

# What fails is tried once more, by itself, and counts only if it fails again; both times are printed.
again = || { [ $$? -eq 1 ] && $(BIN)/pytest --last-failed --last-failed-no-failures=none $(1); }

test: setup
	$(BIN)/pytest -n auto --dist loadfile -m "not alone" --durations=10 $(call again,-m "not alone")
	$(BIN)/pytest -m alone --durations=10 $(call again,-m alone)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: setup
	$(BIN)/pytest -n auto --dist loadfile -m "not slow and not services and not browser"

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
