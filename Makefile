# Everything happens in .venv; each target does its work once and then only what has changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMP := $(VENV)/.stamps
WORKERS ?= auto

.PHONY: help demo setup test check lint types floors clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: $(STAMP)/demo ## five RAG pipelines on ten questions with a local model, ten to twenty minutes
	$(BIN)/rageval run benchmarks/quickstart.yaml

setup: $(STAMP)/dev ## a .venv with everything for development

test: $(STAMP)/dev ## all tests, on WORKERS processes
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup

check: lint types floors test ## what CI runs: style, types, floors, tests

lint: $(STAMP)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)/dev
	$(BIN)/pyright

floors: $(STAMP)/dev
	$(BIN)/lint-imports

clean: ## remove .venv and caches, keep results
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(STAMP)/venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rageval needs Python 3.11 or newer; found %d.%d (set PYTHON=...)" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	mkdir -p $(STAMP)
	touch $@

$(STAMP)/demo: $(STAMP)/venv pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[openai,local,local-weights]'
	touch $@

$(STAMP)/dev: $(STAMP)/venv pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[openai,local,local-weights,dev]'
	touch $(STAMP)/demo $@
