"""The Bundle: the artifact, one folder that predicts. Opens without torch, Optuna or Ray, and without pickle.

model/
  manifest.json   its digest, format, task and labels, text columns, family, measured score, size, latency, checksums
  README.md       the model card
  parts/          what the family's ``save`` wrote
"""

import shutil
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from penna import export, safe_load, tasks
from penna.artifact import manifest as manifests
from penna.artifact.files import FORMAT, MANIFEST, PARTS, check_files, read_manifest, write_manifest
from penna.artifact.measurements import compared, latency, megabytes
from penna.atomic_folders import level, swap
from penna.data import ragged, readers
from penna.data.arrays import Array
from penna.data.readers.read_table import INFERRED, Form
from penna.data.table import Field, Finding, Objects, Table
from penna.errors import BundleError, PennaError, TableError
from penna.fit_options import settled
from penna.models import pipeline
from penna.models.base import Model
from penna.models.shared import load_part
from penna.preprocessing.columns import schema
from penna.preprocessing.data_findings import of_rows
from penna.tasks.base import Task
from penna.temporary_folder import TemporaryFolder
from penna.version import __version__

if TYPE_CHECKING:
    from penna.explain.base import Explanation

__all__ = ["Bundle", "TemporaryFolder", "amend", "inside", "latency", "load", "megabytes", "write"]


class Bundle:
    """An opened artifact: ``predict``, ``predict_proba``, ``evaluate``; made by ``write`` or ``open``."""

    def __init__(self, folder: Path, manifest: dict[str, Any], task: Task, model: Model) -> None:
        self.folder = folder
        self.manifest = manifest
        self.task = task
        self.model = model
        self.home: TemporaryFolder | None = None  # where the folder is a temporary one

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Return the names of the text columns."""
        return tuple(self.manifest["text_columns"])

    @property
    def pair(self) -> bool:
        """Whether the two text columns are a pair of texts, the first one first."""
        return bool(self.manifest.get("pair", False))

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The columns other than the text that the model reads, and how their cells are read."""
        return {c["name"]: Field(c["role"], c["form"]) for c in self.manifest.get("columns", ())}

    @property
    def digest(self) -> str:
        """The SHA-256 that stands for the whole artifact, as ``penna verify`` compares it."""
        return str(self.manifest["digest"])

    @property
    def classes(self) -> tuple[Any, ...]:
        """Return the labels, sorted."""
        return self.task.classes

    def outputs(self, table: Table) -> Array:
        """(n, columns) float32: probabilities in the order of ``classes``, or what the task decodes to numbers."""
        outputs = self.model.outputs(self._complete(table)[0])
        if not self._sound(outputs, len(table)):
            raise BundleError(
                f"the model in {self.folder} does not answer as its manifest says (numbers that are none, or not of "
                f"{self.task.columns} columns): copy the artifact again, or fit again."
            )
        return outputs

    def _sound(self, outputs: Array, rows: int) -> bool:
        """Whether outputs are of the form that the task decodes, and finite."""
        widths = {self.task.columns, len(self.classes) or self.task.columns}
        if outputs.dtype == object:
            shapes = [np.shape(row) for row in outputs]
            fit = all(len(shape) == 1 or shape[1:] == (self.task.columns,) for shape in shapes)
        else:
            fit = outputs.ndim == 2 and outputs.shape[1] in widths
        return fit and len(outputs) == rows and ragged.finite(outputs)

    def decode(self, outputs: Array) -> Objects:
        """(n,) labels in the type that they were given in, or numbers."""
        return self.task.decode(outputs)

    def predict(self, texts: Any, form: Form = INFERRED) -> Array:
        """(n,) labels or numbers for a list of texts, a DataFrame, a Table or the path of a file.

        An object array where an answer is several. ``form``: how the bytes of a file are to be read.

        Raises TableError where the columns that the model reads are missing.
        """
        table = self.table(texts, form)
        decoded = self.to_text_spans(self.decode(self.outputs(table)), table)
        several = any(isinstance(answer, list | tuple | dict) for answer in decoded)
        return np.array(decoded.tolist()) if len(decoded) and not several else decoded

    def to_text_spans(self, answers: Objects, table: Table) -> Objects:
        """Return decoded answers in the coordinates of the texts, where they are about parts of these."""
        return self.task.to_text_spans(answers, table)

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return decoded answers as cells of a file that holds no lists."""
        return self.task.to_flat_cells(answers)

    def predict_proba(self, texts: Any, form: Form = INFERRED) -> Array:
        """(n, k) float32 probabilities, columns in the order of ``classes``. Raises TaskError where there are none."""
        return self.task.probabilities(self.outputs(self.table(texts, form)))

    def explain(self, texts: Any, label: Any = None) -> "list[Explanation]":
        """Return what moved the answer to each row, towards ``label`` or towards what was answered.

        texts: as for ``predict``. Raises SettingError for a label that is not known, TaskError where answers are
        neither labels nor numbers.
        """
        from penna.explain.base import explain

        return explain(self.model, self.task, self.table(texts), settled({"label": label})["label"])

    def evaluate(self, source: Any, target: str | None = None, form: Form = INFERRED) -> dict[str, Any]:
        """Every metric of the task on labelled rows (of a file in this ``form``), each as [value, low, high] with
        a 95 % bootstrap interval. Warns of odd rows.
        """
        target_columns = settled({"target": target})["target"] or self.manifest["target"]
        name = target_columns if isinstance(target_columns, str) else tuple(target_columns)
        table, noted = readers.read(
            source, text=self.text_columns, text_pair=self._second, target=name, others=tuple(self.fields), form=form
        )
        table = _telling(*self._complete(_telling(table, noted)))
        labeled = [label is not None for label in table.target] if table.target is not None else []
        if not any(labeled):
            raise TableError(f"column {name!r} is empty: to evaluate, give rows that have labels.")
        if not self.task.allows_empty and not all(labeled):
            found = of_rows(
                "missing labels", "rows without a label are left out", table.rows[~np.array(labeled)], of=len(labeled)
            )
            table = _telling(table.take(np.flatnonzero(labeled)), found)
        usable = self.task.usable(table)
        if usable.any() and not usable.all():  # of none, encoding says why
            table = _telling(table.take(np.flatnonzero(usable)), self._unusable(table, usable))
        return self.task.measure(self.task.encode(table), self.outputs(table))

    def _unusable(self, table: Table, usable: Array) -> list[Finding]:
        why = f"rows left out because {self.task.describe()['unusable']}"
        return of_rows("unusable target", why, table.rows[~usable], of=len(table))

    def table(self, texts: Any, form: Form = INFERRED) -> Table:
        """Whatever was given, as a Table with the columns that the model reads.

        Warns of what was odd about a file, of columns other than the text that are not there, and of cells that cannot
        be read: they count as missing.
        """
        if isinstance(texts, Table):
            return texts
        if isinstance(texts, str):
            raise TableError("one text was given where a list is needed: write predict([text]).")
        texts = self.task.parse_texts(texts)
        if isinstance(texts, Sequence) and len(self.text_columns) == 1 and all(isinstance(t, str) for t in texts):
            column = np.empty(len(texts), dtype=object)
            column[:] = texts
            table = Table({self.text_columns[0]: column}, rows=np.arange(1, len(texts) + 1))
        elif self.pair and not readers.named(texts):
            table = readers.listed_pairs(texts, (self.text_columns[0], self.text_columns[1]))
        else:
            table, noted = readers.read(
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
        """With every column that the model reads other than the text."""
        return schema.replay(table, self.fields) if self.fields else (table, [])

    def __getstate__(self) -> dict[str, Any]:
        """Return the files themselves, so that a fitted estimator can travel to another process.

        Raises BundleError where they are gone, or are others by now.
        """
        try:
            manifest = read_manifest(self.folder)
            check_files(self.folder, manifest)
        except BundleError as error:
            raise BundleError(
                f"a model is copied with its files, and these are no longer whole ({error}) Keep the folder where it "
                "is for as long as the model is used, or load it from where it is now."
            ) from error
        if manifest["digest"] != self.digest:
            raise BundleError(f"{self.folder} holds another model than the one opened from it: load it again.")
        kept = [path for path in map(self.folder.joinpath, (MANIFEST, *manifest["files"])) if path.exists()]
        return {"files": {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in kept}}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        home = TemporaryFolder()
        for name, content in state["files"].items():
            path = home.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.__dict__.update(load(home.path).__dict__)
        self.home = home


def write(
    folder: Path, task: Task, family: str, model: Model, facts: Mapping[str, Any], exporter: str = export.DEFAULT
) -> Bundle:
    """Write the artifact and open it again from disk; what is in ``folder`` already stays until the new one is whole.

    ``facts`` go into the manifest and must hold ``text_columns`` and ``target``.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (staging / PARTS).mkdir()
        with export.using(exporter):
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
        level(staging)  # mkdtemp, and safetensors, make what others cannot read
        swap(staging, folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return load(folder)


def amend(bundle: Bundle, facts: Mapping[str, Any], card: str) -> None:
    """Add measured facts to the manifest, and write the model card, in which ``folder.BLANK`` becomes the digest."""
    bundle.manifest.update(facts)
    write_manifest(bundle.folder, bundle.manifest, card)


def inside(folder: Path) -> Path:
    """Return the artifact in a run folder; the folder itself where it is one."""
    within = not (folder / MANIFEST).exists() and (folder / "model" / MANIFEST).exists()
    return folder / "model" if within else folder


def load(folder: Path | str) -> Bundle:
    """Open an artifact, or the run folder that holds one, once it has answered a row of its own form.

    Raises BundleError.
    """
    folder = inside(Path(settled({"folder": folder})["folder"]))
    manifest = read_manifest(folder)
    folder = folder.resolve()  # wherever the process goes from here
    check_files(folder, manifest)
    manifests.check(folder, manifest)
    task = tasks.restore(manifest["task"])
    opened = Bundle(folder, manifest, task, load_part.part(manifest["family"], folder / PARTS))
    _prove(opened)
    return opened


def _prove(opened: Bundle) -> None:
    """Raise BundleError unless the parts go together: they answer a made-up row, and their task reads the answer."""
    pipeline.check(opened.model, opened.task, opened.folder)
    words = ragged.objects(["a b"])
    names = opened.text_columns
    pair = (names[0], names[1]) if opened.pair else None
    row = Table(dict.fromkeys(names, words), rows=np.ones(1, np.int64), pair=pair)
    try:
        with np.errstate(all="ignore"):
            opened.to_text_spans(opened.decode(opened.outputs(row)), row)
    except (PennaError, ImportError):  # of a package that is not there, too
        raise
    except Exception as error:  # parts that do not go together can fail anywhere
        raise BundleError(
            f"parts of {opened.folder} do not go together ({safe_load.brief(error)}): fit again."
        ) from error


def _telling(table: Table, findings: Sequence[Finding]) -> Table:
    """Return the table, once the user has been warned of what is odd about it."""
    for finding in findings:
        warnings.warn(finding.message, stacklevel=4)
    return table
