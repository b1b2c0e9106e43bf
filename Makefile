# `make` alone prints what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIENTS := .clients
GALLERY ?= demo/gallery.jsonl
VECTORS ?= 100000
ITEMS ?= 100000
DOCUMENTS ?= 1000000
# torch and its libraries, unpacked
NEEDED_GB := 8

.DEFAULT_GOAL := help
.PHONY: help install install-test install-cluster install-bench bench bench-ingest bench-service bench-growth demo serve test test-slow test-atlas test-browser test-clients lint format

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 17

install: $(VENV)/.installed ## make .venv with what the service and the scripts need

install-test: $(VENV)/.installed-test ## the same with the test tools

$(VENV)/.installed: requirements.txt
	@$(MAKE) --no-print-directory check-machine
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-test: requirements-test.txt $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-test.txt
	@touch $@

install-cluster: $(VENV)/.installed-cluster ## the same with Ray, for ingestion on many machines

$(VENV)/.installed-cluster: requirements-cluster.txt $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-cluster.txt
	@touch $@

install-bench: $(VENV)/.installed-bench ## the same with the systems that LocalAtlas is measured beside

$(VENV)/.installed-bench: requirements-bench.txt $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-bench.txt
	@touch $@

.PHONY: check-machine
check-machine:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1); PYTHON=... names another." >&2; exit 1; }
	@$(PYTHON) -c 'import shutil, sys; sys.exit(shutil.disk_usage(".").free < $(NEEDED_GB) * 10**9)' || { \
	  echo "$(NEEDED_GB) GB of free disk are needed here for torch and its libraries; README.md tells of the CPU-only wheels." >&2; exit 1; }
	@echo "The first time installs torch and its libraries: about 5.4 GB and some minutes (README.md: CPU-only wheels)."

demo: ## embed the gallery that ships (or GALLERY=<folder or manifest>) and serve it
	@test -e $(VENV)/.installed || $(MAKE) --no-print-directory install
	@$(BIN)/python -m scripts.run_demo --gallery "$(GALLERY)"

serve: install ## serve what the settings name
	@$(BIN)/python -m scripts.serve_app

test: install-test ## the tests
	$(BIN)/python -m pytest -q

test-slow: install-test ## the long tests: training, many repetitions
	$(BIN)/python -m pytest -q -m slow

test-atlas: ## the tests of searching and of index care on the server of ATLAS_TEST_URI, and where it differs
	@test -n "$$ATLAS_TEST_URI" || { \
	  echo "ATLAS_TEST_URI is missing: make test-atlas ATLAS_TEST_URI=mongodb://... names the server to test." >&2; exit 2; }
	@test -e $(VENV)/.installed-test || $(MAKE) --no-print-directory install-test
	@$(BIN)/python -m pytest -q -p tests.atlas_run -m atlas --tb=no -rE tests/local_atlas/search tests/index_care

test-browser: install-test ## the page in a real browser (needs chromium)
	$(BIN)/python -m pytest -q -m browser

test-clients: $(CLIENTS)/.installed install-test ## mongosh and the Node driver on LocalAtlas (needs npm)
	$(BIN)/python -m pytest -q -m clients tests/clients

$(CLIENTS)/.installed: tests/clients/package.json tests/clients/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: the clients are programs for Node.js 20.19 or newer." >&2; exit 1; }
	@mkdir -p $(CLIENTS)
	cp $^ $(CLIENTS)/
	npm ci --prefix $(CLIENTS) --engine-strict --ignore-scripts --no-audit --no-fund
	@touch $@

bench: install-bench ## LocalAtlas beside other vector stores, VECTORS=100000 of them
	@$(BIN)/python -m scripts.benchmark_search --vectors $(VECTORS)

bench-ingest: install ## ingestion beside the usual loop, on the JPEGs of GALLERY=<folder>
	@$(BIN)/python -m scripts.benchmark_ingest --gallery "$(GALLERY)"

bench-service: install ## the service over ITEMS=100000 drawn items, under load
	@$(BIN)/python -m scripts.benchmark_service --items $(ITEMS)

bench-growth: install ## whether LocalAtlas stays as fast as it fills, with DOCUMENTS=1000000
	@$(BIN)/python -m scripts.benchmark_growth --documents $(DOCUMENTS)

lint: install-test ## linter, formatter and type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install-test ## let the tools fix what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
