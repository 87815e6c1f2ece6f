# `make` alone lists what there is. Everything is installed into .venv; nothing outside it and the cache folder changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check

# Measured on 2026-11-22, Linux x86_64, Python 3.11; said before anything is downloaded.
DEMO_SIZES := 370 MB of Python packages and 195 MB of OpenSearch to download, 0.9 GB and 0.25 GB on disk
DEV_SIZES := 3.4 GB of Python packages (torch with its GPU libraries) and 330 MB of engines to download, 6.6 and 0.4 GB on disk

.DEFAULT_GOAL := help
.PHONY: help demo test test-all soak check services requirements clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: $(VENV)/demo ## real engine, real workers, a demo shop and its figures; ONCE=1 ends after the tables
	$(BIN)/secondpass demo $(if $(ONCE),--once)

test: $(VENV)/dev services ## every test that CI runs, on real services; REQUIRE_SERVICES=1 forbids skipping
	$(BIN)/python -m pytest -m "not slow and not soak"

test-all: $(VENV)/dev services ## the above and what is too long for CI
	$(BIN)/python -m pytest -m "not soak"

soak: $(VENV)/dev services ## minutes to hours under load
	$(BIN)/python -m pytest -m soak

check: $(VENV)/dev ## lint, format, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict -p connector -p workers -p mappings -p bench
	$(BIN)/lint-imports

services: $(VENV)/dev ## a real redis-server and RabbitMQ for tests, unpacked into the cache folder
	$(BIN)/python -m tests.debian

requirements: $(VENV)/dev ## compile requirements/*.txt from pyproject.toml
	$(PIP) --quiet uv
	$(call compile,demo,--override requirements/no-torch.txt)
	$(call compile,dev,)

clean: ## remove .venv and tool caches; downloads and the engine's data stay in the cache folder
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

# Each file of .venv says which requirements are installed. The lists are complete, so pip needs to resolve nothing.
$(VENV)/demo: requirements/demo.txt pyproject.toml | $(BIN)/python
	@test -e $(VENV)/dev || echo "Once: $(DEMO_SIZES)."
	@test -e $(VENV)/dev || $(PIP) --no-deps --require-hashes -r $<
	@$(PIP) --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Once: $(DEV_SIZES)."
	$(PIP) --no-deps --require-hashes -r $<
	@$(PIP) --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "secondpass needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

define compile
$(BIN)/uv pip compile --quiet --upgrade pyproject.toml requirements/build.in --extra $(1) $(2) --universal \
	--generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make requirements" \
	-o requirements/$(1).txt
endef
