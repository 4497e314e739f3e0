# Everything a person types. `make` alone prints this list.
# Overridable: VENV=.venv  PYTHON=python3.12  PORT=5000  ARGS="tests/engine -x" (for make test)

VENV ?= .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install run test bench lint docs lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

run: install ## serve the dashboard on http://localhost:5000
	@exec $(BIN)/python app.py

install: $(VENV)/.installed ## put what is needed into .venv (nothing to do the second time)

test: $(VENV)/.installed-test ## run all tests
	$(BIN)/python -m pytest $(ARGS)

bench: $(VENV)/.installed-test ## measure the claims of docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/.installed-test ## style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

docs: install ## write the settings table of docs/operations.md anew
	$(BIN)/python docs/settings_table.py

# uv resolves for Python 3.11 and 3.12 at once and can override mediapipe's pins, which pip cannot.
# The test lock holds only what the base lock has not; tests and benchmarks compare with libraries that need scipy, the product does not.
# Neither file names an index.
UV := $(VENV)/tools/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header --override requirements-overrides.txt
lock: $(UV) ## resolve requirements*.in anew into requirements*.lock
	$(COMPILE) $(ARGS) requirements.in -o requirements.lock
	$(COMPILE) --override requirements-test-overrides.txt $(ARGS) requirements-test.in -o $(VENV)/tools/test.lock
	grep -vxFf requirements.lock $(VENV)/tools/test.lock > requirements-test.lock

clean: ## remove caches and the virtual environment; DATA_DIR (var/) stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@python=$$(for candidate in $(PYTHON) python3.11 python3.12 python3 python; do \
	  "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo "$$candidate" && break; \
	done); \
	if [ -z "$$python" ]; then echo "Sightline needs Python 3.11 or 3.12. Install one, or name it: make run PYTHON=/path/to/python3.11" >&2; exit 1; fi; \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); echo "$$python cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/.installed: requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	@touch $@

$(VENV)/.installed-test: requirements-test.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-test.lock
	@touch $@

$(UV): | $(VENV)/bin/python
	$(BIN)/python -m venv $(VENV)/tools
	$(VENV)/tools/bin/pip install --quiet --disable-pip-version-check uv
