"""The Bundle: the artefact, one folder that predicts. Opens without torch, Optuna or Ray, and without pickle.

model/
  manifest.json   format, task and labels, text columns, family, measured score, size, latency, checksums of all files
  README.md       the model card
  parts/          what the family's ``save`` wrote
"""

import json
import shutil
import tempfile
import time
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import plugins, reading, tasks
from penna.errors import BundleError, SettingError, TableError
from penna.folder import FORMAT, MANIFEST, PARTS, check_files, files, read_manifest, swap, write_manifest
from penna.models import Array, Model
from penna.prepare import columns, kinds
from penna.prepare.telling import of_rows
from penna.reading import INFERRED, Form
from penna.settings import settled
from penna.table import Field, Finding, Objects, Table
from penna.tasks import Task
from penna.version import __version__

if TYPE_CHECKING:
    from penna.explain import Explanation


class Home:
    """A temporary folder that lives as long as anything refers to this object."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="penna-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Bundle:
    """An opened artefact: ``predict``, ``predict_proba``, ``evaluate``; made by ``write`` or ``open``."""

    def __init__(self, folder: Path, manifest: dict[str, Any], task: Task, model: Model) -> None:
        self.folder = folder
        self.manifest = manifest
        self.task = task
        self.model = model
        self.home: Home | None = None  # where the folder is a temporary one

    @property
    def text_columns(self) -> tuple[str, ...]:
        return tuple(self.manifest["text_columns"])

    @property
    def pair(self) -> bool:
        """Whether the two text columns are a pair of texts, the first one first."""
        return bool(self.manifest.get("pair", False))

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The columns beside the text that the model reads, and how their cells are read."""
        return {c["name"]: Field(c["role"], c["form"]) for c in self.manifest.get("columns", ())}

    @property
    def classes(self) -> tuple[Any, ...]:
        return self.task.classes

    def outputs(self, table: Table) -> Array:
        """(n, columns) float32: probabilities in the order of ``classes``, or what the task decodes to numbers."""
        return self.model.outputs(self._complete(table)[0])

    def decode(self, outputs: Array) -> Objects:
        """(n,) labels in the type that they were given in, or numbers."""
        return self.task.decode(outputs)

    def predict(self, texts: Any, form: Form = INFERRED) -> Array:
        """(n,) labels or numbers for a list of texts, a DataFrame, a Table or the path of a file; an object array where
        an answer is several. ``form``: how the bytes of a file are to be read.

        Raises TableError where the columns that the model reads are missing.
        """
        table = self.table(texts, form)
        decoded = self.placed(self.decode(self.outputs(table)), table)
        several = any(isinstance(answer, list | tuple | dict) for answer in decoded)
        return np.array(decoded.tolist()) if len(decoded) and not several else decoded

    def placed(self, answers: Objects, table: Table) -> Objects:
        """Decoded answers in the coordinates of the texts, where they are about parts of these."""
        return tasks.placed(self.task, answers, table)

    def written(self, answers: Sequence[Any]) -> list[Any]:
        """Decoded answers as cells of a file that holds no lists."""
        return self.task.written(answers)

    def predict_proba(self, texts: Any, form: Form = INFERRED) -> Array:
        """(n, k) float32 probabilities, columns in the order of ``classes``. Raises TaskError where there are none."""
        return self.task.probabilities(self.outputs(self.table(texts, form)))

    def explain(self, texts: Any, label: Any = None) -> "list[Explanation]":
        """What moved the answer to each row, towards ``label`` or towards what was answered.

        texts: as for ``predict``. Raises SettingError for a label that is not known, TaskError where answers are
        neither labels nor numbers.
        """
        from penna.explain import explain

        return explain(self.model, self.task, self.table(texts), settled({"label": label})["label"])

    def evaluate(self, source: Any, target: str | None = None, form: Form = INFERRED) -> dict[str, Any]:
        """Every metric of the task on labelled rows (of a file in this ``form``), each as [value, low, high] with
        a 95 % bootstrap interval. Warns of odd rows."""
        asked = settled({"target": target})["target"] or self.manifest["target"]
        name = asked if isinstance(asked, str) else tuple(asked)
        table, noted = reading.read(
            source, text=self.text_columns, text_pair=self._second, target=name, others=tuple(self.fields), form=form
        )
        table = _telling(*self._complete(_telling(table, noted)))
        told = [label is not None for label in table.target] if table.target is not None else []
        if not any(told):
            raise TableError(f"column {name!r} is empty: to evaluate, give rows that have labels.")
        if not self.task.blank and not all(told):
            found = of_rows(
                "missing labels", "rows without a label are left out", table.rows[~np.array(told)], of=len(told)
            )
            table = _telling(table.take(np.flatnonzero(told)), found)
        usable = self.task.usable(table)
        if usable.any() and not usable.all():  # of none, encoding says why
            table = _telling(table.take(np.flatnonzero(usable)), self._unusable(table, usable))
        return self.task.measure(self.task.encode(table), self.outputs(table))

    def _unusable(self, table: Table, usable: Array) -> list[Finding]:
        why = f"rows left out because {self.task.describe()['unusable']}"
        return of_rows("unusable target", why, table.rows[~usable], of=len(table))

    def table(self, texts: Any, form: Form = INFERRED) -> Table:
        """Whatever was given, as a Table with the columns that the model reads.

        Warns of what was odd about a file, of columns beside the text that are not there, and of cells that cannot be
        read: they count as missing.
        """
        if isinstance(texts, Table):
            return texts
        if isinstance(texts, str):
            raise TableError("one text was given where a list is needed: write predict([text]).")
        texts = tasks.given(self.task, texts)
        if isinstance(texts, Sequence) and len(self.text_columns) == 1 and all(isinstance(t, str) for t in texts):
            column = np.empty(len(texts), dtype=object)
            column[:] = texts
            table = Table({self.text_columns[0]: column}, rows=np.arange(1, len(texts) + 1))
        elif self.pair and not reading.named(texts):
            table = reading.listed_pairs(texts, (self.text_columns[0], self.text_columns[1]))
        else:
            table, noted = reading.read(
                texts, text=self._columns_in(texts), text_pair=self._second, need_target=False,
                others=tuple(self.fields), form=form,
            )  # fmt: skip
            table = _telling(table, noted)
        return _telling(*self._complete(table))

    @property
    def _second(self) -> str | None:
        return self.text_columns[1] if self.pair else None

    def _columns_in(self, texts: Any) -> tuple[str, ...] | None:
        # Arrays have no column names: their columns are taken in order.
        by_name = hasattr(texts, "columns") or isinstance(texts, Path) or bool(self.fields) or self.pair
        return self.text_columns if by_name else None

    def _complete(self, table: Table) -> tuple[Table, list[Finding]]:
        """With every column that the model reads beside the text."""
        return columns.replay(table, self.fields) if self.fields else (table, [])

    def __getstate__(self) -> dict[str, Any]:
        """The files themselves, so that a fitted estimator can travel to another process."""
        return {"files": {str(p.relative_to(self.folder)): p.read_bytes() for p in files(self.folder)}}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        home = Home()
        for name, content in state["files"].items():
            path = home.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.__dict__.update(open(home.path).__dict__)
        self.home = home


def write(folder: Path, task: Task, family: str, model: Model, facts: Mapping[str, Any]) -> Bundle:
    """Write the artefact and open it again from disk; what is in ``folder`` already stays until the new one is whole.

    ``facts`` go into the manifest and must hold ``text_columns`` and ``target``.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (staging / PARTS).mkdir()
        model.save(staging / PARTS)
        manifest = {
            "format": FORMAT,
            "penna": __version__,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "task": task.to_json(),
            "family": family,
            **facts,
            **compared(staging / PARTS),
        }
        write_manifest(staging, manifest)
        staging.chmod(0o777 & folder.parent.stat().st_mode)  # mkdtemp makes folders that others cannot read
        swap(staging, folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return open(folder)


def compared(parts: Path) -> dict[str, float]:
    """How the graphs among an artefact's parts were found to agree with the networks that they were written from, where
    there are any: "parity" is the largest difference (in probability, or as a share of the largest entry of a vector),
    "same" the smallest share of sample texts to which a translator says the same."""
    from penna.encoders import encoder_facts, translator

    notes = [json.loads(p.read_bytes()) for p in files(parts) if p.name in (encoder_facts.FACTS, translator.FACTS)]
    differences, shares = ([n[name] for n in notes if n.get(name) is not None] for name in ("parity", "same"))
    found = {"parity": max(differences, default=None), "same": min(shares, default=None)}
    return {name: value for name, value in found.items() if value is not None}


def amend(bundle: Bundle, facts: Mapping[str, Any], card: str) -> None:
    """Add measured facts to the manifest, and write the model card."""
    bundle.manifest.update(facts)
    (bundle.folder / "README.md").write_text(card, encoding="utf-8")
    write_manifest(bundle.folder, bundle.manifest)


def open(folder: Path | str) -> Bundle:
    """Open an artefact, or the run folder that holds one. Raises BundleError."""
    folder = Path(settled({"folder": folder})["folder"])
    if not (folder / MANIFEST).exists() and (folder / "model" / MANIFEST).exists():
        folder = folder / "model"
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    try:
        task = tasks.restore(manifest["task"])
        family = plugins.find("models", str(manifest["family"]))
        _check_columns(folder, manifest)
    except (KeyError, TypeError, SettingError) as error:
        raise BundleError(f"{folder / MANIFEST} is damaged or of another Penna ({error}): fit again.") from error
    return Bundle(folder, manifest, task, family.open(folder / PARTS))


def _check_columns(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Raise BundleError unless the manifest names columns, and kinds of them that are known."""
    texts, others = manifest["text_columns"], manifest.get("columns", [])
    known = isinstance(others, list) and all(
        isinstance(c, dict) and c.keys() >= {"name", "role", "form"} and all(isinstance(v, str) for v in c.values())
        for c in others
    )
    known &= not manifest.get("pair") or len(texts) == 2
    if not (texts or others) or not known or not all(isinstance(c, str) for c in texts):
        raise BundleError(f"{folder / MANIFEST} names no columns, or damaged ones: copy the artefact again.")
    for column in others:
        plugins.find(kinds.ROOM, column["role"])


def _telling(table: Table, findings: Sequence[Finding]) -> Table:
    """The table, once the user has been told what is odd about it."""
    for finding in findings:
        warnings.warn(finding.message, stacklevel=4)
    return table


def megabytes(folder: Path) -> float:
    """What the artefact weighs on disk."""
    return sum(p.stat().st_size for p in files(folder)) / 1e6


def latency(bundle: Bundle, table: Table, rounds: int = 15, seconds: float = 1.0) -> dict[str, float]:
    """Median milliseconds for one text and for a batch of 64, on rows of this table.

    Either takes about so many seconds at most: of very slow answers the first few, one at least, have to do.
    """

    def median(batches: Iterable[Table]) -> float:
        taken: list[float] = []
        for batch in batches:
            begun = time.perf_counter()
            bundle.outputs(batch)
            taken.append(time.perf_counter() - begun)
            if sum(taken) > seconds:
                break
        return round(float(np.median(taken)) * 1e3, 3)

    ones = [table.take(np.array([i % len(table)])) for i in range(rounds)]
    bundle.outputs(ones[0])  # the first call allocates
    return {"one_text_ms": median(ones), "batch_of_64_ms": median([table.take(np.arange(64) % len(table))] * 3)}
