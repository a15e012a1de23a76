# Each target installs what it needs first, and only when that has changed. The stamps lie in what
# they vouch for (.venv, node_modules), so that removing it forgets them; nothing needs activating.

PORT ?= $(or $(PONYTRACKER_HTTP_PORT),6543)
PYTHON ?= python3
INI ?= development.ini

BIN := .venv/bin
UV_INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
UV_LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock"

ASSETS := $(wildcard assets/*)
MANIFEST := ponytracker/static/manifest.json

# Node 20 or later where the machine has it with npm, else the one from PyPI in the virtual environment.
ifeq ($(shell node -p 'parseInt(process.versions.node) >= 20' 2>&1 && command -v npm >/dev/null || echo none),true)
NODE_STAMP :=
else
NODE_STAMP := .venv/node.stamp
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
endif

AUDIT = $(WITH_NODE) $(BIN)/uv run --no-project --isolated --quiet --python $(BIN)/python \
	--with-requirements requirements/audit.txt python tools/audit.py

# Where the machine turns bytecode off, every start would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE
# What is installed comes from the locks alone: no interpreter is fetched, no other environment seen.
export UV_PYTHON_DOWNLOADS := never
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV CONDA_PREFIX

# Python's packages and the browser's are fetched side by side.
PARALLEL := $(MAKE) --no-print-directory -j2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help serve test unit format lint types check audit bench lock screenshots assets install \
	install-dev clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: ## install, migrate and serve on http://localhost:6543 (make serve PORT=7001: elsewhere)
	@$(PARALLEL) assets install
	@$(BIN)/alembic -c $(INI) upgrade head
	@# Side by side, since each takes a second to start; looking for an account is the sooner done.
	@$(BIN)/ponytracker create-superuser $(INI) http_port=$(PORT) --if-none & \
		exec $(BIN)/pserve $(INI) http_port=$(PORT)

test: ## every test, and before it whatever the tests need (ARGS="-k timeline": some of them)
	@tools/install-test-packages
	@$(PARALLEL) assets install-dev
	$(BIN)/pytest -n auto --maxprocesses 4 $(ARGS)

unit: install-dev assets ## the unit tests alone
	$(BIN)/pytest tests/unit $(ARGS)

format: install-dev ## put the code into its one format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lint: install-dev ## ruff: mistakes and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev ## mypy
	$(BIN)/mypy ponytracker tools

# An index that is silent says so, and is no fault of ours.
check: lint types test .venv/uv.stamp $(NODE_STAMP) ## all of it: lint, types, test, audit
	$(AUDIT) || [ $$? -eq 2 ]

audit: .venv/uv.stamp $(NODE_STAMP) ## whether a fault is known of any package (1: yes, 2: not all could be asked)
	$(AUDIT)

bench: install-dev assets ## how long the pages take
	$(BIN)/python tools/bench.py $(ARGS)

screenshots: install-dev assets ## make the pictures of the README anew
	@tools/install-test-packages
	$(BIN)/python tools/screenshots.py $(ARGS)

# The runtime's pins go into the other lock as constraints, so that what is tested is what is served.
lock: .venv/uv.stamp $(NODE_STAMP) ## newest versions of everything into requirements/ and package-lock.json
	$(UV_LOCK) pyproject.toml -o requirements/main.txt
	$(UV_LOCK) pyproject.toml --group dev -c requirements/main.txt -o requirements/dev.txt
	$(UV_LOCK) --group ldap -o requirements/ldap.txt
	$(UV_LOCK) --group uv -o requirements/uv.txt
	$(UV_LOCK) --group node -o requirements/node.txt
	$(UV_LOCK) --group audit -o requirements/audit.txt
	$(WITH_NODE) npm update --package-lock-only

clean: ## remove whatever make made, never a database
	rm -rf .venv node_modules ponytracker/static build dist *.egg-info \
		.hypothesis .mypy_cache .pytest_cache .ruff_cache test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: .venv/project.stamp ## what it needs to run, into .venv
	@:
install-dev: .venv/dev.stamp .venv/ldap.stamp ; @:
assets: $(MANIFEST) ## the stylesheet, script and icons
	@:

.venv/venv.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "PonyTracker needs Python 3.11 or later, and $(PYTHON) is not." \
			"Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>&1 || { \
		echo "$(PYTHON) lacks its module venv. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making .venv"
	@$(PYTHON) -m venv --clear .venv
	@touch $@

.venv/uv.stamp: requirements/uv.txt .venv/venv.stamp
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/node.stamp: requirements/node.txt .venv/uv.stamp
	@echo "Installing Node"
	@$(UV_INSTALL) --require-hashes -r $<
	@touch $@

.venv/main.stamp: requirements/main.txt .venv/uv.stamp
	@echo "Installing the Python packages"
	@$(UV_INSTALL) --require-hashes -r $<
	@touch $@

.venv/project.stamp: pyproject.toml setup.py .venv/main.stamp
	@$(UV_INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/project.stamp
	@echo "Installing the Python packages for development"
	@$(UV_INSTALL) --require-hashes -r $<
	@touch $@

# Compiled here. Where it cannot be, the tests of the directory are skipped.
.venv/ldap.stamp: requirements/ldap.txt .venv/dev.stamp
	@echo "Compiling python-ldap"
	@log=$$($(UV_INSTALL) --require-hashes -r $< 2>&1) && touch $@ || { echo "$$log" | tail -n 20; \
		echo "That failed, so the tests of the directory will be skipped. They need:" \
			"apt-get install gcc python3-dev libldap2-dev libsasl2-dev"; }

node_modules/.stamp: package.json package-lock.json .npmrc | $(NODE_STAMP)
	@echo "Installing the packages for the browser"
	@$(WITH_NODE) npm ci --ignore-scripts --include=dev --loglevel=error
	@touch $@

$(MANIFEST): $(ASSETS) node_modules/.stamp
	@echo "Building the web assets"
	@$(WITH_NODE) node assets/build.mjs
