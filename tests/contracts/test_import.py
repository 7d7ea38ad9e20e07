"""What importing Penna pulls in, requested in fresh processes; times are in benchmarks/startup.py."""

import subprocess
import sys

import pytest

import penna

HEAVY = {"torch", "transformers", "sklearn", "scipy", "pandas", "pyarrow", "numpy", "onnxruntime", "optuna", "rich"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh process after this code."""
    ask = f"{code}\nimport sys; print('\\n'.join({{m.split('.')[0] for m in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True, encoding="utf-8")
    return set(run.stdout.split())


def test_importing_penna_loads_no_library():
    assert not loaded_by("import penna") & HEAVY


def test_the_help_of_every_command_loads_no_library():
    assert not loaded_by("import penna.cli") & HEAVY


def test_an_error_class_loads_no_library():
    assert not loaded_by("from penna import PennaError, TableError") & HEAVY


def test_an_unknown_command_line_name_loads_no_torch():
    code = (
        "import sys\nsys.argv = ['penna', 'predct']\nfrom penna.cli import main\ntry: main()\nexcept SystemExit: pass"
    )
    assert "torch" not in loaded_by(code)


def test_all_names_are_sorted_and_there():
    assert penna.__all__ == sorted(penna.__all__)
    for name in penna.__all__:
        assert callable(getattr(penna, name))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="AutoTxt"):
        _ = penna.AutoTxt


@pytest.mark.slow
def test_any_module_can_be_the_first_that_is_imported():
    """In one process: what is loaded of Penna is forgotten before each."""
    code = """
import importlib, pkgutil, sys
import penna.encoders, penna.data.readers
rooms = [penna.encoders, penna.data.readers]
names = [f"{room.__name__}.{m.name}" for room in rooms for m in pkgutil.iter_modules(room.__path__)]
for name in names:
    for loaded in [m for m in sys.modules if m.split(".")[0] == "penna"]:
        del sys.modules[loaded]
    importlib.import_module(name)
"""
    assert "penna" in loaded_by(code)
