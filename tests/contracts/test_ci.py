"""The files for CI, hooks, reports and citation parse, and agree with pyproject.toml and constraints.txt."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def parsed(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def test_workflow_tests_supported_pythons_with_make_test() -> None:
    test = parsed(".github/workflows/ci.yml")["jobs"]["test"]
    pythons = test["strategy"]["matrix"]["python"]
    assert pythons == ["3.11", "3.12", "3.13"]
    assert all(python in SpecifierSet(PROJECT["requires-python"]) for python in pythons)
    assert "make test PYTHON=python" in [step.get("run") for step in test["steps"]]


def test_every_install_of_the_workflow_uses_the_constraints() -> None:
    jobs = parsed(".github/workflows/ci.yml")["jobs"].values()
    installs = [step["run"] for job in jobs for step in job["steps"] if "pip install" in step.get("run", "")]
    assert installs
    assert all("-c constraints.txt" in command for command in installs)


def test_hooks_use_the_pinned_versions() -> None:
    pinned = set((ROOT / "constraints.txt").read_text("utf-8").splitlines())
    (local,) = parsed(".pre-commit-config.yaml")["repos"]
    hooks = {hook["id"]: hook for hook in local["hooks"]}
    assert hooks["mypy"]["entry"] == ".venv/bin/mypy"
    for name in ("ruff-check", "ruff-format"):
        assert pinned.issuperset(hooks[name]["additional_dependencies"])


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_issue_form_has_labeled_fields(name: str) -> None:
    form = parsed(f".github/ISSUE_TEMPLATE/{name}.yml")
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    assert {"name", "description", "body"} <= form.keys()
    assert all(part["attributes"]["label"] for part in fields)
    assert len({part["id"] for part in fields}) == len(fields)


def test_citation_names_the_license_of_the_package() -> None:
    citation = parsed("CITATION.cff")
    assert citation["license"] == PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")[:200]


def test_local_links_of_the_security_page_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^):]+)\)", (ROOT / "SECURITY.md").read_text("utf-8"))
    assert links
    assert all((ROOT / link).exists() for link in links)
