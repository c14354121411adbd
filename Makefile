# `make serve` runs the server, `make test` passes all tests; both make their own environment first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_PACKAGES := tests/interop/node_modules
# Where the registry does not answer, npm would ask for three quarters of an hour.
NPM_PATIENCE := --fetch-timeout=15000 --fetch-retries=1 --fetch-retry-mintimeout=1000

.PHONY: help serve test install lint format docs bench clean system-packages

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(VENV)/.serve: pyproject.toml
	@echo 'Making an environment in $(VENV), and installing what the server needs: half a minute or so, once.'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@
	@echo 'Installed.'

$(VENV)/.dev: pyproject.toml | $(VENV)/.serve
	@echo 'Installing what development and the tests need: half a minute or so, once.'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
	@echo 'Installed.'

install: $(VENV)/.serve $(VENV)/.dev  ## Make the environment in .venv, with what development needs

serve: $(VENV)/.serve  ## Run the server on http://127.0.0.1:8080; ARGS="--port 9000" passes options on
	@echo 'Starting the server.'
	@exec $(BIN)/python server.py $(ARGS)

system-packages:
	@sh tests/install-system-packages.sh

$(NODE_PACKAGES): tests/interop/package.json
	@if command -v npm >/dev/null; then \
	  echo 'Installing libwebrtc, libdatachannel and werift for the tests, with npm: once.'; \
	  npm install --prefix tests/interop --no-package-lock --no-audit --no-fund --silent $(NPM_PATIENCE) && touch $@; \
	else \
	  echo 'MISSING: npm. The tests against libwebrtc, libdatachannel and werift will be skipped.'; \
	fi

# What listens to sound runs alone, for other tests would disturb it. Both halves run, whatever comes of the first.
# 5: ARGS left no test of these.
test: install system-packages  ## Pass all tests; ARGS="-k mix" passes options on to pytest
	@$(MAKE) --no-print-directory $(NODE_PACKAGES) || \
	  echo 'MISSING: the packages in tests/interop/package.json. The tests against libwebrtc, libdatachannel and werift will be skipped.'
	@failed=0; \
	half() { echo "$(BIN)/python -m pytest $$*"; $(BIN)/python -m pytest "$$@" $(ARGS) || [ $$? -eq 5 ] || failed=1; }; \
	half -n auto --dist worksteal -m 'not alone'; \
	half -m alone; \
	exit $$failed

lint: install  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install  ## Let ruff put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install  ## Write the tables of settings into the documents
	$(BIN)/python -m docs.tables

bench: install  ## Measure what a participant costs and how late the sound is
	$(BIN)/python -m bench.cost
	$(BIN)/python -m bench.latency

clean:  ## Remove all that was made here
	rm -rf $(VENV) $(NODE_PACKAGES) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
