# `make demo` and `make test` each suffice on a fresh machine with python3, make and git.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

DEMO := demo-$(shell date +%Y%m%d-%H%M%S)

.PHONY: help demo test test-slow lint format bench attacks clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): pyproject.toml constraints.txt hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "autores needs Python 3.11 or newer; call: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,evolve,mcp,nanochat,torch]'
	@touch $@

demo: $(INSTALLED)  ## a whole closed loop on this machine, without GPU, data set or key
	$(VENV)/bin/autores --config examples/demo.toml --name $(DEMO)
	$(VENV)/bin/autores report $(DEMO)

test: $(INSTALLED)  ## all tests but the slow ones
	$(PY) -m pytest -q

test-slow: $(INSTALLED)  ## the slow tests alone
	$(PY) -m pytest -q -m slow

lint: $(INSTALLED)  ## ruff and mypy
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(INSTALLED)  ## let ruff format and sort
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(INSTALLED)  ## every benchmark, each with its table
	$(PY) -m benchmarks all

attacks: $(INSTALLED)  ## what recipes try, at every level that this machine offers
	$(PY) -m pytest -q tests/attacks --attack-table

clean:  ## what make made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
