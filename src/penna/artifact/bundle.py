"""The Bundle: an opened artifact, one folder that predicts. It opens without torch, Optuna and pickle.

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
    """An opened artifact, as ``load`` returns it.

    Attributes
    ----------
    folder : Path
        The folder of the artifact.
    manifest : dict
        What the artifact states about itself: task, labels, test scores, size, latency.
    task : Task
        What the model predicts.
    classes : tuple
        The labels, sorted; empty for a regressor.
    digest : str
        The SHA-256 of the whole artifact.
    text_columns : tuple of str
        The columns that the model reads as text.

    Examples
    --------
    >>> import tempfile
    >>> from penna import AutoText, load
    >>> texts = [f"{word} film number {i}" for i in range(30) for word in ("good", "bad")]
    >>> run = tempfile.TemporaryDirectory()
    >>> auto = AutoText(6, families=("linear",), out=f"{run.name}/run").fit(texts, ["pos", "neg"] * 30)
    >>> bundle = load(f"{run.name}/run")
    >>> bundle.predict(["a good film"]).tolist(), bundle.classes
    (['pos'], ('neg', 'pos'))
    >>> run.cleanup()
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], task: Task, model: Model) -> None:
        self.folder = folder
        self.manifest = manifest
        self.task = task
        self.model = model
        self.home: TemporaryFolder | None = None  # where the folder is a temporary one

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The names of the text columns."""
        return tuple(self.manifest["text_columns"])

    @property
    def pair(self) -> bool:
        """Whether the two text columns are a pair of texts, the first one first."""
        return bool(self.manifest.get("pair", False))

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The columns that the model reads besides the text, with the form of their cells."""
        return {c["name"]: Field(c["role"], c["form"]) for c in self.manifest.get("columns", ())}

    @property
    def digest(self) -> str:
        """The SHA-256 of the whole artifact, which ``penna verify`` compares."""
        return str(self.manifest["digest"])

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels, sorted."""
        return self.task.classes

    def outputs(self, table: Table) -> Array:
        """Return the raw outputs (n, columns) float32: probabilities by class, or what the task decodes to numbers."""
        outputs = self.model.outputs(self._complete(table)[0])
        if not self._sound(outputs, len(table)):
            raise BundleError(
                f"the model in {self.folder} has other outputs than its manifest states (not finite, or not of "
                f"{self.task.columns} columns): copy the artifact again, or fit again."
            )
        return outputs

    def _sound(self, outputs: Array, rows: int) -> bool:
        """Return whether outputs are finite and of the form that the task decodes."""
        widths = {self.task.columns, len(self.classes) or self.task.columns}
        if outputs.dtype == object:
            shapes = [np.shape(row) for row in outputs]
            fit = all(len(shape) == 1 or shape[1:] == (self.task.columns,) for shape in shapes)
        else:
            fit = outputs.ndim == 2 and outputs.shape[1] in widths
        return fit and len(outputs) == rows and ragged.finite(outputs)

    def decode(self, outputs: Array) -> Objects:
        """Return labels (n,) in the type of the training labels, or numbers."""
        return self.task.decode(outputs)

    def predict(self, texts: Any, form: Form = INFERRED) -> Array:
        """Predict a label or a number for each row.

        Parameters
        ----------
        texts : sequence of str, DataFrame, Table or Path
            The rows: texts, pairs of texts, a table with the columns that the model reads, or the path of a file.
        form : Form
            How a file is read.

        Returns
        -------
        ndarray of shape (n,)
            Labels or numbers; an object array if a row has several, such as labels, entities or answers.

        Raises
        ------
        TableError
            If a column that the model reads is missing.
        """
        table = self.table(texts, form)
        decoded = self.to_text_spans(self.decode(self.outputs(table)), table)
        several = any(isinstance(answer, list | tuple | dict) for answer in decoded)
        return np.array(decoded.tolist()) if len(decoded) and not several else decoded

    def to_text_spans(self, answers: Objects, table: Table) -> Objects:
        """Return predictions with offsets in the texts, if they are about parts of these."""
        return self.task.to_text_spans(answers, table)

    def to_flat_cells(self, answers: Sequence[Any]) -> list[Any]:
        """Return predictions as cells of a file that holds no lists."""
        return self.task.to_flat_cells(answers)

    def predict_proba(self, texts: Any, form: Form = INFERRED) -> Array:
        """Predict the probability of each class.

        Parameters
        ----------
        texts : sequence of str, DataFrame, Table or Path
            The rows, as for ``predict``.
        form : Form
            How a file is read.

        Returns
        -------
        ndarray of shape (n, k), float32
            Columns in the order of ``classes``.

        Raises
        ------
        TaskError
            If the task has no probabilities, such as regression.
        """
        return self.task.probabilities(self.outputs(self.table(texts, form)))

    def explain(self, texts: Any, label: Any = None) -> "list[Explanation]":
        """Explain the prediction for each row by its words and columns.

        Parameters
        ----------
        texts : sequence of str, DataFrame, Table or Path
            The rows, as for ``predict``.
        label : object, optional
            The label to explain. Default: the predicted one.

        Returns
        -------
        list of Explanation
            How much each word or column moved the prediction.

        Raises
        ------
        SettingError
            For an unknown label.
        TaskError
            If predictions are neither labels nor numbers.
        """
        from penna.explain.base import explain

        return explain(self.model, self.task, self.table(texts), settled({"label": label})["label"])

    def evaluate(self, source: Any, target: str | None = None, form: Form = INFERRED) -> dict[str, Any]:
        """Measure the model on labeled rows, and warn of rows that are left out.

        Parameters
        ----------
        source : DataFrame, path or sequence
            Rows with the columns of the training table.
        target : str, optional
            The target column. Default: that of the training table.
        form : Form
            How a file is read.

        Returns
        -------
        dict
            ``rows``, and each metric as ``[value, low, high]`` with a 95 % bootstrap interval.

        Raises
        ------
        TableError
            If a column is missing, or no row has a label.
        """
        target_columns = settled({"target": target})["target"] or self.manifest["target"]
        name = target_columns if isinstance(target_columns, str) else tuple(target_columns)
        table, noted = readers.read(
            source, text=self.text_columns, text_pair=self._second, target=name, others=tuple(self.fields), form=form
        )
        table = _with_warnings(*self._complete(_with_warnings(table, noted)))
        labeled = [label is not None for label in table.target] if table.target is not None else []
        if not any(labeled):
            raise TableError(f"column {name!r} is empty: to evaluate, give rows that have labels.")
        if not self.task.allows_empty and not all(labeled):
            found = of_rows(
                "missing labels", "rows without a label are left out", table.rows[~np.array(labeled)], of=len(labeled)
            )
            table = _with_warnings(table.take(np.flatnonzero(labeled)), found)
        usable = self.task.usable(table)
        if usable.any() and not usable.all():  # of none, encoding says why
            table = _with_warnings(table.take(np.flatnonzero(usable)), self._unusable(table, usable))
        return self.task.measure(self.task.encode(table), self.outputs(table))

    def _unusable(self, table: Table, usable: Array) -> list[Finding]:
        why = f"rows left out because {self.task.describe()['unusable']}"
        return of_rows("unusable target", why, table.rows[~usable], of=len(table))

    def table(self, texts: Any, form: Form = INFERRED) -> Table:
        """Return rows of any form as a Table with the columns that the model reads.

        Warns of oddities of a file, of missing columns and of unreadable cells, which count as missing.
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
            table = _with_warnings(table, noted)
        return _with_warnings(*self._complete(table))

    @property
    def _second(self) -> str | None:
        return self.text_columns[1] if self.pair else None

    def _columns_in(self, texts: Any) -> tuple[str, ...] | None:
        # Arrays have no column names: their columns are taken in order.
        by_name = hasattr(texts, "columns") or isinstance(texts, Path) or bool(self.fields) or self.pair
        return self.text_columns if by_name else None

    def _complete(self, table: Table) -> tuple[Table, list[Finding]]:
        """Return the table with every column that the model reads, and findings."""
        return schema.replay(table, self.fields) if self.fields else (table, [])

    def __getstate__(self) -> dict[str, Any]:
        """Return the files themselves, so that a fitted estimator can travel to another process.

        Raises BundleError if they are gone or were replaced.
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
    folder: Path,
    task: Task,
    family: str,
    model: Model,
    facts: Mapping[str, Any],
    exporter: str = export.DEFAULT,
    quantization: export.Quantization | None = None,
) -> Bundle:
    """Write an artifact and open it again from disk. An artifact in ``folder`` stays until the new one is whole.

    Parameters
    ----------
    folder : Path
    task : Task
    family, model : str and Model
        The outermost model and its family.
    facts : mapping
        More entries of the manifest; ``text_columns`` and ``target`` are required.
    exporter : str
        Name of the exporter of encoders.
    quantization : Quantization, optional
        Writes encoders in int8.

    Returns
    -------
    Bundle
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (staging / PARTS).mkdir()
        with export.using(exporter, quantization):
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
    """Add measured facts to the manifest, and write the model card, in which ``files.BLANK`` becomes the digest."""
    bundle.manifest.update(facts)
    write_manifest(bundle.folder, bundle.manifest, card)


def inside(folder: Path) -> Path:
    """Return the artifact in a run folder, or the folder itself if it is one."""
    within = not (folder / MANIFEST).exists() and (folder / "model" / MANIFEST).exists()
    return folder / "model" if within else folder


def load(folder: Path | str) -> Bundle:
    """Open an artifact, or the run folder that holds one.

    Every file is compared with its checksum, and the model predicts a made-up row before it is returned.

    Parameters
    ----------
    folder : path
        The folder of a run, or of an artifact.

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        If the artifact is missing, damaged, or of another format.
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
    """Raise BundleError unless the model predicts a made-up row, and the task decodes the prediction."""
    pipeline.check(opened.model, opened.task, opened.folder)
    words = ragged.objects(["a b"])
    names = opened.text_columns
    pair = (names[0], names[1]) if opened.pair else None
    row = Table(dict.fromkeys(names, words), rows=np.ones(1, np.int64), pair=pair)
    try:
        with np.errstate(all="ignore"):
            opened.to_text_spans(opened.decode(opened.outputs(row)), row)
    except (PennaError, ImportError):  # a missing package is named
        raise
    except Exception as error:  # parts that do not go together can fail anywhere
        raise BundleError(
            f"the parts of {opened.folder} do not fit together ({safe_load.brief(error)}): fit again."
        ) from error


def _with_warnings(table: Table, findings: Sequence[Finding]) -> Table:
    """Warn of findings, and return the table."""
    for finding in findings:
        warnings.warn(finding.message, stacklevel=4)
    return table
