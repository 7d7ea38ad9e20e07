"""A small artifact of every family and every task, and rows that it can be requested; a second or two to fit each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from penna import plugins, tasks
from penna.artifact import bundle
from penna.artifact import files as folder_of
from penna.budget import Deadline, Resources
from penna.data import ragged
from penna.data.output_kind import OutputKind
from penna.data.table import Field, Table
from penna.models import pipeline
from penna.models.ensemble import Ensemble
from penna.postprocessing import (
    class_weights,
    entity_threshold,
    isotonic,
    isotonic_regression,
    label_thresholds,
    no_answer_threshold,
    oos_threshold,
    temperature,
)
from penna.search.recipe import DatasetProfile, Recipe

WORDS = ("card", "film", "money", "story")
TREES = {"names": "target", "trees": 4, "rate": 0.2, "leaves": 4, "least": 3, "shrink": 1.0, "share": 1.0}
TUNED = {"epochs": 1.0, "lr": 1e-3, "head_lr": 1.0, "batch": 8, "length": 16}


def plain(n: int = 48, numbers: bool = False) -> Table:
    """Short texts of four kinds, a number and a name next to them."""
    rng = np.random.default_rng(0)
    kind = np.arange(n) % 4
    texts = [f"where is the {WORDS[k]}{' very' * int(rng.integers(3))} my" for k in kind]
    age, name = kind + rng.random(n), rng.choice(["red", "blue", ""], n)
    age[::7] = np.nan
    target = (kind + rng.random(n)).astype(object) if numbers else np.array([WORDS[k] for k in kind], object)
    columns = {"age": age, "size": rng.random(n), "name": name.astype(object)}
    fields = {"age": Field("numeric"), "size": Field("numeric"), "name": Field("categorical")}
    return Table({"text": ragged.objects(texts)}, target, rows=np.arange(1, n + 1), columns=columns, fields=fields)


def bare(numbers: bool = False) -> Table:
    """The same without columns other than the text."""
    table = plain(numbers=numbers)
    return Table(table.text, table.target, rows=table.rows)


def several() -> Table:
    table = bare()
    labels = [(WORDS[i % 4], WORDS[(i + 1) % 4]) if i % 3 else (WORDS[i % 4],) for i in range(len(table))]
    return Table(table.text, ragged.objects(tuple(sorted(row)) for row in labels), rows=table.rows)


def pairs() -> Table:
    table = bare()
    cells = {"a": table.text["text"], "b": ragged.objects(f"my {WORDS[i % 3]}" for i in range(len(table)))}
    return Table(cells, table.target, rows=table.rows, pair=("a", "b"))


def tagged() -> Table:
    texts = ragged.objects(f"where is my {WORDS[i % 4]} lost" for i in range(60))
    tags = ragged.objects(
        ("O", "O", "O", f"B-{'LOC' if i % 2 else 'PER'}", "I-LOC" if i % 2 else "O") for i in range(60)
    )
    return Table({"tokens": texts}, tags, rows=np.arange(1, 61), target_name="tags")


def asked() -> Table:
    from penna.data.readers.read_table import read

    lines = []
    for i in range(40):
        text = f"{i}. my {WORDS[i % 4]} is good. my {WORDS[(i + 1) % 4]} is lost."
        there = [{"text": "good", "answer_start": text.index("good")}] if i % 5 else []
        lines.append({"question": f"where is my {WORDS[i % 4]}?", "context": text, "answers": there})
    return read(lines, y="answers")[0]


def said() -> Table:
    texts = [" ".join(np.random.default_rng(i).choice(WORDS, 3)) for i in range(300)]
    return Table({"en": ragged.objects(texts)}, ragged.objects(t.upper() for t in texts), rows=np.arange(1, 301),
                 target_name="de")  # fmt: skip


def offered(family: str, output_kind: OutputKind, encoder: str, at: int = 0, **hyperparameters: Any) -> Recipe:
    profile = DatasetProfile(
        48, 4, 12, 30.0, encoders=(encoder,), output_kind=output_kind, columns=hyperparameters.pop("beside", 0)
    )
    recipe: Recipe = plugins.find("models", family).portfolio(profile)[at]
    return recipe.replace(**hyperparameters)


#: Name of an artifact -> the rows that it is fitted on, and requested.
ROWS: dict[str, Callable[[], Table]] = {
    "linear": bare,
    "rejecting": bare,
    "columns": plain,
    "labels": several,
    "numbers": lambda: bare(numbers=True),
    "pairs": pairs,
    "trees": plain,
    "frozen": bare,
    "neighbours": plain,
    "mlp": several,
    "contrastive": bare,
    "finetune": bare,
    "crossed": pairs,
    "crf": tagged,
    "tagger": tagged,
    "sliding_window": asked,
    "reader": asked,
    "copy": said,
    "words": said,
    "vectors": said,
    "seq2seq": said,
    "ensemble": bare,
}


class Maker:
    """Makes artifacts in a folder of its own, each once."""

    def __init__(self, home: Path, encoder: Path) -> None:
        self.home, self.encoder = home, str(encoder)

    def folder(self, name: str) -> Path:
        folder = self.home / name / "model"
        if not folder.exists():
            getattr(self, f"make_{name}")(folder)
        return folder

    def rows(self, name: str) -> Table:
        """Rows that it can be requested, without a target."""
        table = ROWS[name]()
        return Table(table.text, rows=table.rows, pair=table.pair, columns=table.columns).take(np.arange(6))

    def fitted(self, recipe: Recipe, task: tasks.Task, table: Table) -> Any:
        resources = Resources(self.home / "cache", Deadline(300), 1)
        return plugins.find("models", recipe.family).fit(recipe, task, table, None, resources, lambda *_: True)

    def write(
        self, folder: Path, table: Table, recipe: Recipe, last: Any = (), name: str = "auto", **stages: Any
    ) -> None:
        task = tasks.find(name, table)
        model = self.fitted(recipe, task, table)
        self.put(folder, table, task, *pipeline.around(recipe.family, model, last=last, **stages))

    def put(self, folder: Path, table: Table, task: tasks.Task, family: str, model: Any) -> None:
        facts: dict[str, Any] = {"text_columns": list(table.text), "target": table.target_name, "seed": 0}
        if table.pair is not None:
            facts["pair"] = True
        if table.fields:
            facts["columns"] = [{"name": n, "role": f.role, "form": f.form} for n, f in table.fields.items()]
        made = bundle.write(folder, task, family, model, facts)
        bundle.amend(made, {"test": {"rows": 1}, "recipe": family}, f"# A card\n\n{folder_of.BLANK}\n")

    def make_linear(self, folder: Path) -> None:
        steps = class_weights.ClassWeights((1.0, 1.5, 0.7, 1.0)), temperature.Temperature(1.2)
        self.write(folder, bare(), offered("linear", OutputKind.CLASS_PROBABILITIES, ""), steps, clean="unicode+spaces")

    def make_rejecting(self, folder: Path) -> None:
        from penna.tasks import classification

        table = bare()
        task = classification.with_oos_label(classification.from_table(table), "other")
        model = self.fitted(offered("linear", OutputKind.CLASS_PROBABILITIES, ""), task, table)
        self.put(
            folder, table, task, *pipeline.around("linear", model, last=(oos_threshold.OosThreshold(4, -1.0, 1.0),))
        )

    def make_columns(self, folder: Path) -> None:
        recipe = offered(
            "linear", OutputKind.CLASS_PROBABILITIES, "", beside=3, counts=True, missing="iterative", outliers=True
        )
        self.write(folder, plain(), recipe, name="classification")

    def make_labels(self, folder: Path) -> None:
        recipe = offered("linear", OutputKind.LABEL_PROBABILITIES, "", 4)
        self.write(
            folder, several(), recipe, (label_thresholds.LabelThresholds((0.4, 0.5, 0.6, 0.5)),), name="multilabel"
        )

    def make_numbers(self, folder: Path) -> None:
        recipe = offered("linear", OutputKind.NUMBERS, "", 1)
        self.write(
            folder,
            bare(numbers=True),
            recipe,
            (isotonic_regression.IsotonicRegression((-1.0, 0.5), (-1.0, 1.0)),),
            name="regression",
        )

    def make_pairs(self, folder: Path) -> None:
        self.write(folder, pairs(), offered("linear", OutputKind.CLASS_PROBABILITIES, "", 4), name="classification")

    def make_trees(self, folder: Path) -> None:
        curve = isotonic.Isotonic(((0.0, 1.0),) * 4, ((0.1, 0.9),) * 4)
        recipe = Recipe.of("trees", text="counts+svd+linear", outliers=True, missing="knn", directions=2, **TREES)
        self.write(folder, plain(), recipe, (curve,), name="classification")

    def make_frozen(self, folder: Path) -> None:
        self.write(folder, bare(), offered("frozen", OutputKind.CLASS_PROBABILITIES, self.encoder), row=False)

    def make_neighbours(self, folder: Path) -> None:
        recipe = offered("frozen", OutputKind.CLASS_PROBABILITIES, self.encoder, head="knn", k=3)
        self.write(folder, plain(), recipe, name="classification", row=True)

    def make_mlp(self, folder: Path) -> None:
        self.write(folder, several(), Recipe("frozen").replace(encoder=self.encoder, head="mlp", hidden=8, dropout=0.1))

    def make_contrastive(self, folder: Path) -> None:
        self.write(folder, bare(), Recipe.of("contrastive", encoder=self.encoder, pairs=4.0, lr=1e-3, head="prototype"))

    def make_finetune(self, folder: Path) -> None:
        self.write(folder, bare(), Recipe("finetune").replace(encoder=self.encoder, **TUNED))

    def make_crossed(self, folder: Path) -> None:
        self.write(
            folder,
            pairs(),
            Recipe("finetune").replace(encoder=self.encoder, pair="joined", **TUNED),
            name="classification",
        )

    def make_crf(self, folder: Path) -> None:
        self.write(folder, tagged(), offered("crf", OutputKind.TAGS, ""), (entity_threshold.EntityThreshold(1.5),))

    def make_tagger(self, folder: Path) -> None:
        hyperparameters = plugins.find("models", "tagger")._USUAL | {"encoder": self.encoder, **TUNED, "crf": True}
        self.write(folder, tagged(), Recipe.from_values("tagger", hyperparameters))

    def make_sliding_window(self, folder: Path) -> None:
        self.write(
            folder,
            asked(),
            offered("sliding_window", OutputKind.SPANS, ""),
            (no_answer_threshold.NoAnswerThreshold(1.2),),
        )

    def make_reader(self, folder: Path) -> None:
        hyperparameters = plugins.find("models", "reader")._USUAL | {"encoder": self.encoder, **TUNED, "length": 48}
        self.write(folder, asked(), Recipe.from_values("reader", hyperparameters))

    def make_copy(self, folder: Path) -> None:
        self.write(folder, said(), Recipe.from_values("translation_memory", {"way": "copy"}), name="translation")

    def make_words(self, folder: Path) -> None:
        self.write(
            folder,
            said(),
            Recipe.from_values("translation_memory", {"way": "words", "pairs": "keep"}),
            name="translation",
        )

    def make_vectors(self, folder: Path) -> None:
        recipe = Recipe.from_values("translation_memory", {"way": "vectors", "pairs": "keep", "encoder": self.encoder})
        self.write(folder, said(), recipe, name="translation")

    def make_seq2seq(self, folder: Path) -> None:
        small = {"width": 64, "layers": 1, "decoder_layers": 1, "pieces": 60, "epochs": 1.0, "tokens": 512}
        recipe = Recipe.of("seq2seq", **small, lr=3e-3, dropout=0.0, beams=2, average=2, pairs="keep")
        self.write(folder, said(), recipe, name="translation")

    def make_ensemble(self, folder: Path) -> None:
        table = bare()
        task = tasks.find("auto", table)
        members = []
        for recipe in (
            offered("linear", OutputKind.CLASS_PROBABILITIES, ""),
            offered("frozen", OutputKind.CLASS_PROBABILITIES, self.encoder),
        ):
            clean = "case" if recipe.family == "linear" else "none"
            members.append((recipe.family, self.fitted(recipe, task, table), clean))
        parts = [(*pipeline.around(family, model, clean), 0.5) for family, model, clean in members]
        blended = Ensemble([(family, weight, model) for family, model, weight in parts])
        last = (class_weights.ClassWeights((1.0, 1.5, 0.7, 1.0)),)
        self.put(folder, table, task, *pipeline.around("ensemble", blended, last=last))
