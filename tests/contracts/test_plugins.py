"""A family, a task with its own metric, and a runner of another package work without a changed line in Penna."""

import subprocess
import sys
from pathlib import Path

import pytest

from penna.testing import check_family, check_strategy, numbers_table

FAMILY = '''
"""Family ``majority``: always predicts the most frequent class."""
from pathlib import Path

import numpy as np

from penna.data.output_kind import OutputKind
from penna.models.base import Cost
from penna.search.recipe import Recipe

NEEDS_NO_ENCODER = True
OUTPUT_KINDS = (OutputKind.CLASS_PROBABILITIES,)


class Majority:
    def __init__(self, shares):
        self.shares = shares

    def outputs(self, table):
        return np.tile(self.shares, (len(table), 1)).astype(np.float32)

    def save(self, folder):
        (folder / "shares.txt").write_text(" ".join(map(str, self.shares)))


def portfolio(profile):
    return [Recipe.of("majority", seed=profile.seed)]


def cost(recipe, profile, train, resources):
    return Cost(0.01, 0.01, 0.01)


def fit(recipe, task, train, valid, resources, report):
    counts = np.bincount(task.encode(train), minlength=task.columns)
    return Majority(counts / counts.sum())


def load(folder):
    return Majority(np.array(list(map(float, (Path(folder) / "shares.txt").read_text().split()))))
'''
TASK = '''
"""Task ``shouting``: classification of labels in capitals, measured by a metric of its own."""
from dataclasses import dataclass, replace

from penna.errors import SettingError
from penna.tasks import classification
from penna.tasks.classification import Classification

ESTIMATOR_TYPE = "classifier"
METRICS = ("loudness",)
inference_note = classification.inference_note
prepare_target = classification.prepare_target


@dataclass(frozen=True)
class Shouting(Classification):
    name = "shouting"

    def score(self, y, outputs):
        return float((outputs.argmax(axis=1) == y).mean())

    def score_error(self, y, outputs, seed=0):
        return 0.01

    def measure(self, y, outputs):
        score = self.score(y, outputs)
        return {"rows": len(y), "loudness": [score, score, score]}


def matches(table):
    return table.target is not None and all(str(label).isupper() for label in table.target)


def from_table(table, metric=None):
    if metric not in (None, *METRICS):
        raise SettingError(f"the metric of shouting is loudness, not {metric!r}")
    made = classification.from_table(table, "accuracy")
    return Shouting(made.classes, "loudness", made.kind)


def restore(data):
    made = classification.restore({**data, "name": "classification", "metric": "accuracy"})
    return Shouting(made.classes, "loudness", made.kind)
'''
RUNNER = '''
"""Runner ``noisy``: runs trials as ``local`` does, and writes their number into a file."""
from penna.search.runners import local


def run(ask, attempt, on_trial_end, trial_log, left):
    ended = local.run(ask, attempt, on_trial_end, trial_log, left)
    with open("ran.txt", "w") as file:
        file.write(str(len(trial_log.trials)))
    return ended
'''
METRIC = '''
"""Metric ``caution``: the mean probability of the true class."""
import numpy as np

TASK = "classification"
DISPLAY_NAME = "Caution Score"
MEANING = "the mean probability of the true class"


def score(y, outputs):
    return float(outputs[np.arange(len(y)), y].mean())
'''
EXPORTER = '''
"""Exporter ``squeezed``: the graph of ``onnx``, compressed."""
import gzip
import tempfile
from pathlib import Path

from penna.export.onnx import exporter as onnx

GRAPH = "graph.onnx"


def write_encoder(export, folder):
    difference = onnx.write_encoder(export, folder)
    graph = Path(folder) / GRAPH
    (Path(folder) / "graph.gz").write_bytes(gzip.compress(graph.read_bytes()))
    graph.unlink()
    return difference


def load_encoder(folder, threads=None):
    opened = tempfile.mkdtemp()
    for path in Path(folder).iterdir():
        if path.name == "graph.gz":
            Path(opened, GRAPH).write_bytes(gzip.decompress(path.read_bytes()))
        elif path.suffix == ".json":
            Path(opened, path.name).write_bytes(path.read_bytes())
    return onnx.load_encoder(Path(opened), threads)
'''
ENTRIES = """
[penna.models]
majority = toy_family
[penna.tasks]
shouting = toy_task
[penna.search.runners]
noisy = toy_runner
[penna.metrics]
caution = toy_metric
[penna.export]
squeezed = toy_exporter
"""
USE = """
from pathlib import Path
from penna import AutoText, load
from penna.tasks import find as find_task
from penna.testing import check_family, check_metric, check_task, make_table, random_outputs
Path("contract").mkdir()
check_family("majority", Path("contract"))
table = make_table(target=["YES", "NO"] * 6)
check_task("shouting", table)
task = find_task("shouting", table)
check_metric("caution", task.encode(table), random_outputs(task, table))
texts = [f"{word} film number {i}" for i in range(30) for word in ("good", "bad")]
auto = AutoText(12, families=("majority", "linear"), task="shouting", runner="noisy", out="run")
auto.fit(texts, ["YES", "NO"] * 30)
assert {t.recipe.family for t in auto.trials_} >= {"majority", "linear"}
assert load("run").task.name == "shouting"
assert auto.test_scores_["loudness"][0] > 0.5
assert int(open("ran.txt").read()) == len(auto.trials_)
assert "majority" in open("run/report.html").read()
assert "noisy" in open("run/report.html").read()
"""
EXPORT = """
import sys
from pathlib import Path
from penna import AutoText, load
texts = [f"{word} film number {i}" for i in range(30) for word in ("good", "bad")]
plugins = {"metric": "caution", "exporter": "squeezed"}
auto = AutoText(30, families=("frozen",), encoders=(sys.argv[1],), out="exported", **plugins)
auto.fit(texts, ["yes", "no"] * 30)
assert 0 < auto.test_scores_["caution"][0] < 1
page = open("exported/report.html").read()
assert "Caution Score" in page and "squeezed" in page
assert list(Path("exported").rglob("graph.gz")) and not list(Path("exported").rglob("graph.onnx"))
assert load("exported").predict(["good film"]).tolist() == auto.predict(["good film"]).tolist()
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which the toy package is installed."""
    import os

    (tmp_path / "toy_family.py").write_text(FAMILY)
    (tmp_path / "toy_task.py").write_text(TASK)
    (tmp_path / "toy_runner.py").write_text(RUNNER)
    (tmp_path / "toy_metric.py").write_text(METRIC)
    (tmp_path / "toy_exporter.py").write_text(EXPORTER)
    about = tmp_path / "toy-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    return {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


@pytest.mark.slow
def test_plugins_work_in_python_and_at_the_command_line(installed: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, env=installed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = "".join(f"{word} film {i},{label}\n" for i in range(30) for word, label in (("good", "YES"), ("bad", "NO")))
    (tmp_path / "rows.csv").write_text("text,label\n" + rows)
    command = [
        "fit",
        "rows.csv",
        "--target",
        "label",
        "--task",
        "shouting",
        "--families",
        "majority,linear",
        "--runner",
        "noisy",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "penna", *command, "--budget", "15s", "--out", "cli"],
        cwd=tmp_path, env=installed, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "majority" in done.stderr
    assert "loudness" in done.stdout


@pytest.mark.slow
def test_metric_and_exporter_of_another_package(installed: dict[str, str], tmp_path: Path, tiny_bert: Path) -> None:
    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    run(sys.executable, "-c", EXPORT, str(tiny_bert))
    rows = "".join(f"{word} film {i},{label}\n" for i in range(30) for word, label in (("good", "yes"), ("bad", "no")))
    (tmp_path / "rows.csv").write_text("text,label\n" + rows)
    options = ["--families", "frozen", "--encoder", str(tiny_bert), "--metric", "caution", "--exporter", "squeezed"]
    penna = [sys.executable, "-m", "penna"]
    run(*penna, "fit", "rows.csv", "--target", "label", *options, "--budget", "30s", "--out", "cli")
    assert "caution" in run(*penna, "evaluate", "cli", "rows.csv", "--target", "label", "--json")


def test_the_shipped_contract_holds_for_a_family_of_penna(tmp_path: Path) -> None:
    check_family("linear", tmp_path)
    (tmp_path / "numbers").mkdir()
    check_family("linear", tmp_path / "numbers", table=numbers_table())


@pytest.mark.parametrize("name", ["auto", "random", "grid", "tpe"])
def test_the_shipped_contract_holds_for_strategies_of_penna(name: str) -> None:
    check_strategy(name)
