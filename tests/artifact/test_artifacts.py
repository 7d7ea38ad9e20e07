"""Artifacts in the hands of others: damaged, attacked, moved, copied, sent to other processes, checked by a digest."""

import json
import os
import pickle
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import penna
from artifacts import Maker
from attacks import attack, of_json, seal
from penna import BundleError, PennaError, SettingError, load
from penna.artifact.files import CARD, MANIFEST

#: One artifact of each family; the others of ``ROWS`` are attacked by benchmarks/fuzz.py.
FAMILIES = ("linear", "columns", "trees", "neighbours", "contrastive", "crossed", "crf", "tagger", "sliding_window",
            "reader", "words", "seq2seq", "ensemble")  # fmt: skip
ATTACKS = 200
#: Memory that an attack may take next to what is there already, and seconds.
MOST, LONGEST = 3 << 30, 20


@pytest.fixture(scope="module")
def maker(tiny_bert, tmp_path_factory):
    return Maker(tmp_path_factory.mktemp("artifacts"), tiny_bert)


@pytest.fixture
def copied(maker, tmp_path):
    """``copied("linear")``: the folder of an artifact that can be spoilt."""
    return lambda name: shutil.copytree(maker.folder(name), tmp_path / name / "model")


@pytest.fixture
def bounded():
    """Little memory, and an end to whatever hangs."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(next(open("/proc/self/statm")).split()[0]) * resource.getpagesize()  # noqa: SIM115, PTH123
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST, hard))

    def stop(*_):
        raise AssertionError("an attack hangs")

    before = signal.signal(signal.SIGALRM, stop)
    yield lambda: signal.alarm(LONGEST)
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def written(folder, rows):
    opened = load(folder)
    return repr(opened.to_flat_cells(list(opened.predict(rows))))


def came_of(folder, rows):
    """What is answered; None where that is refused, in one sentence."""
    try:
        return written(folder, rows)
    except PennaError as error:
        if "\n" in str(error):
            raise
        return None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FAMILIES)
def test_what_comes_of_an_attack_is_an_answer_or_a_sentence(name, maker, tmp_path, bounded):
    rows = maker.rows(name).take(np.arange(2))
    sound, refused = written(maker.folder(name), rows), 0
    for number in range(ATTACKS):
        sealed = number % 2 == 1
        folder = shutil.copytree(maker.folder(name), tmp_path / str(number))
        what = attack(folder, random.Random(f"{name} {number}"))
        if sealed:
            seal(folder)
        bounded()
        try:
            end = came_of(folder, rows)
        except Exception as error:
            error.add_note(f"attack {number}, sealed {sealed}: {what}")
            raise
        refused += end is None
        assert end in (None, sound) or sealed, f"{number}: silently another answer after {what}"
        shutil.rmtree(folder)
    assert refused > ATTACKS // 2


def changed(folder, **values):
    """Values of the manifest changed by an attacker: the digest agrees."""
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_bytes()) | values))
    seal(folder)


def change(path, **values):
    """The same of a part; returns nothing, as the seal is still to come."""
    path.write_text(json.dumps(json.loads(path.read_bytes()) | values))


def refused(folder, match=None):
    with pytest.raises(BundleError, match=match) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["linear", "columns", "trees", "frozen", "contrastive", "finetune", "crossed", "ensemble"]
)
@pytest.mark.parametrize("by", [-1, 1])
def test_more_or_fewer_classes_than_the_model_has_are_refused(name, by, copied):
    folder = copied(name)
    task = json.loads((folder / MANIFEST).read_bytes())["task"]
    task["classes"] = task["classes"][:-1] if by < 0 else [*task["classes"], "zebra"]
    changed(folder, task=task)
    refused(folder)


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("labels", {"classes": ["card", "film"]}),
        ("crf", {"types": ["LOC"]}),
        ("tagger", {"types": ["LOC", "PER", "XYZ"]}),
        ("numbers", {"name": "classification", "kind": "str", "metric": "accuracy", "classes": ["a", "b"]}),
        ("numbers", {"scale": 1e-300, "centre": 1e99}),
        ("sliding_window", {"name": "translation", "metric": "chrf", "cut": "13a"}),
        ("words", {"name": "regression", "metric": "r2", "centre": 0.0, "scale": 1.0, "low": 0.0, "high": 1.0}),
        ("labels", {"form": "|" * 1_000_000}),
        ("crf", {"scheme": {"name": "BIO", "sign": "-" * 1_000_000}}),
    ],
)
def test_a_task_that_its_model_does_not_answer_is_refused(name, task, copied):
    folder = copied(name)
    changed(folder, task=json.loads((folder / MANIFEST).read_bytes())["task"] | task)
    with pytest.raises(PennaError):
        load(folder)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("linear", {"step": "class_weights", "values": [1.0, 2.0]}),
        ("linear", {"step": "class_weights", "values": [1.0]}),
        ("linear", {"step": "temperature", "values": 10**400}),
        ("linear", {"step": "isotonic", "values": {"x": [[0, 1]], "y": [[0, 1]]}}),
        ("linear", {"step": "oos_threshold", "values": [1, 0, 1]}),
        ("linear", {"step": "label_thresholds", "values": [0.5] * 4}),
        ("linear", {"step": "isotonic_regression", "values": {"x": [0, 1], "y": [0, 1]}}),
        ("labels", {"step": "label_thresholds", "values": [0.5]}),
        ("rejecting", {"step": "oos_threshold", "values": [7, 0, 1]}),
        ("rejecting", {"step": "oos_threshold", "values": [1, 0, 1]}),
    ],
)
def test_step_for_another_model_is_refused(name, step, copied):
    folder = copied(name)
    change(folder / "parts" / "staged.json", last=[step])
    seal(folder)
    refused(folder)


def test_a_blend_that_holds_itself_or_another_is_refused(copied):
    folder = copied("ensemble")
    member = folder / "parts" / "model" / "0-pipeline"
    change(member / "staged.json", family="ensemble")
    shutil.rmtree(member / "model")
    shutil.copytree(folder / "parts" / "model", member / "model", ignore=shutil.ignore_patterns("0-pipeline"))
    seal(folder)
    refused(folder, "ensemble within pipeline within ensemble")


@pytest.mark.parametrize("at", ["..", "", ".", "0-pipeline", "1-frozen/../0-pipeline", "x" * 300, "/etc", None])
def test_ensemble_of_foreign_folders_is_refused(at, copied):
    folder = copied("ensemble")
    path = folder / "parts" / "model" / "blend.json"
    members = json.loads(path.read_bytes())["members"]
    members[1]["folder"] = at
    change(path, members=members)
    seal(folder)
    refused(folder, "blend.json")


def test_members_of_unlike_width_are_refused(copied):
    folder, other = copied("ensemble"), copied("labels")
    shutil.rmtree(folder / "parts" / "model" / "1-frozen")
    shutil.copytree(other / "parts" / "model", folder / "parts" / "model" / "1-linear")
    path = folder / "parts" / "model" / "blend.json"
    members = json.loads(path.read_bytes())["members"]
    change(path, members=[members[0], {"family": "crf", "folder": "1-crf", "weight": 0.5}])
    (folder / "parts" / "model" / "1-linear").rename(folder / "parts" / "model" / "1-crf")
    seal(folder)
    refused(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"text_columns": "text"},
        {"text_columns": []},
        {"text_columns": [["text"]]},
        {"text_columns": ["text", "text"]},
        {"pair": True},
        {"pair": "yes"},
        {"columns": {"age": "numeric"}},
        {"columns": [{"name": "age", "role": "numeric", "form": "roman"}]},
        {"columns": [{"name": "age", "role": "../numeric", "form": ""}]},
        {"target": 3},
        {"target": []},
        {"family": "x" * 300},
        {"family": ["linear"]},
        {"task": None},
        {"test": 3},
        {"recipe": {}},
        {"reach": []},
        {"files": []},
        {"files": {"parts/x": 3}},
        {"files": {"../../etc/passwd": "0"}},
        {"penna": None},
    ],
)
def test_values_of_another_type_in_a_manifest_are_refused(values, copied):
    folder = copied("linear")
    change(folder / MANIFEST, **values)
    seal(folder, sums=False)
    refused(folder)


def test_flipped_bits_in_a_manifest_are_refused(copied):
    folder = copied("linear")
    raw = (folder / MANIFEST).read_bytes()
    for bit in random.Random(1).sample(range(8 * len(raw)), 300):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        (folder / MANIFEST).write_bytes(flipped)
        refused(folder)


AS_ANOTHER_USER = """
import os, sys
from penna import BundleError, load
os.geteuid() or os.seteuid(65534)  # root may read everything
try:
    load(sys.argv[1])
except BundleError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_part_that_may_not_be_read_is_named(copied):
    folder = copied("linear")
    (folder / "parts" / "model" / "linear.safetensors").chmod(0)
    for path in (folder, *folder.parents[:5]):
        path.chmod(path.stat().st_mode | 0o055)
    asked = [sys.executable, "-c", AS_ANOTHER_USER, str(folder)]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert "linear.safetensors may not be read by this user" in said


def test_written_artifact_verifies_and_card_has_its_digest(maker):
    found = penna.verify(maker.folder("linear"))
    opened = load(maker.folder("linear"))
    assert found.digest == opened.digest
    assert (found.task, found.labels, found.reads) == ("classification", 4, ("text",))
    assert found.digest in (maker.folder("linear") / CARD).read_text()
    assert penna.verify(maker.folder("linear").parent, found.digest.upper()).digest == found.digest
    with pytest.raises(BundleError, match="not the one given"):
        penna.verify(maker.folder("linear"), "0" * 64)
    with pytest.raises(SettingError, match="is no SHA-256"):
        penna.verify(maker.folder("linear"), "abc")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / CARD).write_text("# Another card"),
        lambda folder: (folder / CARD).unlink(),
        lambda folder: (folder / "setup.py").touch(),
        lambda folder: (folder / "parts" / "staged.json").write_text("{}"),
    ],
)
def test_changed_artifact_does_not_verify(spoil, copied):
    folder = copied("linear")
    spoil(folder)
    with pytest.raises(BundleError):
        penna.verify(folder)


def test_the_command_line_verifies_with_exit_codes(copied):
    from typer.testing import CliRunner

    from penna.cli import app

    folder = copied("linear")
    digest = load(folder).digest
    said = CliRunner().invoke(app, ["verify", str(folder), "--sha256", digest])
    assert said.exit_code == 0, said.output
    assert digest in said.output
    assert CliRunner().invoke(app, ["verify", str(folder), "--sha256", "1" * 64]).exit_code == 2
    (folder / CARD).write_text("another")
    assert CliRunner().invoke(app, ["verify", str(folder)]).exit_code == 2


def test_evaluate_prints_the_digest(maker, tmp_path):
    from typer.testing import CliRunner

    from penna.cli import app

    (tmp_path / "rows.csv").write_text("text,target\nwhere is the card,card\nwhere is my money,money\n")
    digest = load(maker.folder("linear")).digest
    asked = ["evaluate", str(maker.folder("linear")), str(tmp_path / "rows.csv")]
    assert digest in CliRunner().invoke(app, asked).output
    assert json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)["digest"] == digest


@pytest.mark.parametrize("name", ["linear", "trees", "frozen", "crf", "words", "seq2seq"])
def test_artifact_files_have_the_mode_of_new_files(name, maker, tmp_path):
    (tmp_path / "new").touch()
    (tmp_path / "folder").mkdir()
    wanted = {False: (tmp_path / "new").stat().st_mode, True: (tmp_path / "folder").stat().st_mode}
    found = {p: p.stat().st_mode for p in (maker.folder(name), *maker.folder(name).rglob("*"))}
    assert {stat.S_IMODE(mode) for p, mode in found.items() if p.is_file()} == {stat.S_IMODE(wanted[False])}
    assert {stat.S_IMODE(mode) for p, mode in found.items() if p.is_dir()} == {stat.S_IMODE(wanted[True])}


def test_relative_path_still_works_after_chdir(copied, monkeypatch, tmp_path):
    folder = copied("frozen")
    monkeypatch.chdir(folder.parent)
    opened = load("model")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sound = opened.predict(["where is the card"])
    again = pickle.loads(pickle.dumps(opened))
    assert (again.predict(["where is the card"]) == sound).all()
    assert again.digest == opened.digest
    assert penna.verify(again.folder).digest == opened.digest


def test_copying_a_model_whose_files_are_gone_or_others_raises(copied):
    folder = copied("linear")
    opened = load(folder)
    other = load(copied("rejecting"))
    shutil.rmtree(folder)
    assert opened.predict(["where is the card"]).tolist() == ["card"]
    with pytest.raises(BundleError, match="Keep the folder where it is"):
        pickle.dumps(opened)
    shutil.copytree(other.folder, folder)
    with pytest.raises(BundleError, match="holds another model"):
        pickle.dumps(opened)


WORKERS = """
import multiprocessing, sys, threading
from concurrent.futures import ProcessPoolExecutor
from penna import load

def answer(model):
    return model.predict(["where is the card", "my money"]).tolist()

def held(_):
    return OPENED.predict(["where is the card", "my money"]).tolist()

if __name__ == "__main__":
    OPENED = load(sys.argv[1])
    sound = answer(OPENED)
    found = []
    for way in ("fork", "spawn", "forkserver"):
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(way)) as pool:
            found += pool.map(answer, [OPENED] * 3)
    with multiprocessing.get_context("fork").Pool(2) as pool:  # each child has what its parent opened
        found += pool.map(held, range(3))
    threads = [threading.Thread(target=lambda: found.append(answer(OPENED))) for _ in range(4)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    found.append(answer(OPENED))
    print(len(found), all(one == sound for one in found))
"""


@pytest.mark.slow
def test_models_in_workers_and_threads_go_on_to_answer(maker, tmp_path):
    (tmp_path / "workers.py").write_text(WORKERS)
    temporary = Path(tempfile.mkdtemp(prefix="w"))  # a short path: it holds sockets
    said = subprocess.run(
        [sys.executable, tmp_path / "workers.py", maker.folder("ensemble")], capture_output=True, text=True,
        timeout=300, env=os.environ | {"TMPDIR": str(temporary)},
    )  # fmt: skip
    assert said.stdout == "17 True\n", said.stderr
    assert not [path.name for path in temporary.iterdir() if path.name.startswith("penna-")]
    shutil.rmtree(temporary)


def test_a_forked_child_does_not_take_its_parents_files_with_it(copied):
    opened = pickle.loads(pickle.dumps(load(copied("linear"))))
    child = os.fork()
    if child == 0:
        try:
            opened.home = None
            del opened
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert opened.folder.exists()
    assert pickle.dumps(opened)


@pytest.mark.slow
def test_a_damaged_run_folder_gets_one_sentence(tmp_path):
    """What ``report`` and ``leaderboard`` read: values of other types, at every place."""
    from typer.testing import CliRunner

    from penna.cli import app
    from penna.search.recipe import Recipe
    from penna.search.trials import State, Trial, TrialLog

    run = tmp_path / "run"
    ledger = TrialLog(run, {"metric": "accuracy"})
    ledger.begin()
    ledger.append(Trial(Recipe.of("linear", c=1.0), State.COMPLETE, (0,), (0.5,), (0.1,), curve=((1, 0.5),)))
    record = {"title": "t", "metric": "accuracy", "test": {"rows": 9, "accuracy": [0.9, 0.8, 1.0]},
              "task": "classification", "trials": [trial.to_json() for trial in ledger.trials],
              "chosen": {"name": "linear", "members": []},
              "artifact": {"megabytes": 1.0, "files": {"a": 1.0}}, "phases": []}  # fmt: skip
    lines, chance = (run / "trials.jsonl").read_text(), random.Random(0)
    for number in range(150):
        name, command = (("trials.jsonl", "leaderboard"), ("run.json", "report"))[number % 2]
        (run / "trials.jsonl").write_text(lines)
        (run / "run.json").write_text(json.dumps(record))
        path = run / name
        if name == "trials.jsonl":
            head, _, trial = lines.partition("\n")
            path.write_text(trial)
            what = of_json(path, chance)
            path.write_text(f"{head}\n{path.read_text().strip()}\n")
        else:
            what = of_json(path, chance)
        said = CliRunner().invoke(app, [command, str(run)])
        assert said.exit_code in (0, 2), f"{number} {name}: {what}: {said.exception!r}"
