"""AutoText: the main job as a scikit-learn estimator. ``fit`` reads as the list of verbs; lower floors do the work."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from penna import bundle, plugins, split, tasks
from penna.budget import Deadline, parse_seconds
from penna.bundle import Bundle
from penna.errors import RunError
from penna.job import elapsed, intake, outset, packing, record
from penna.job.searching import STOPPED, Progress, Search
from penna.models import OutOfTime
from penna.prepare import columns
from penna.reading.form import MAX_EXPANDED, Form
from penna.reading.memory import as_labels
from penna.table import Table
from penna.trials import Ledger

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, Any]

FAMILIES = ("linear", "trees", "frozen", "contrast", "finetune")


class Silent:
    """Progress that nobody watches."""

    def event(self, kind: str, **data: Any) -> None:
        return None


class AutoText(BaseEstimator):  # type: ignore[misc]
    """Find, prove and pack the best model of texts within a budget: a classifier, or a regressor.

    budget    seconds for everything, as a number or like "30s", "10m", "1.5h"
    max_mb    most that the artefact may weigh; max_ms most that one text may take
    families  of models to search: "linear", "trees" (of columns beside the text), "frozen", "contrast" (where classes
              have few rows), "finetune"
    encoders  folders or hub names of Hugging Face encoders, for frozen and finetune; what came with Penna if none
    task      "classify", "multilabel", "regress", "tag", "answer", "translate", or "auto": what the target looks like
    metric    "accuracy", "macro_f1", "balanced_accuracy", "log_loss" ..., chosen by the class shares if None; for an
              amount "r2" (if None), "rmse", "mae", "pearson" or "spearman"; of translations "chrf" (if None), "bleu" or
              "ter"
    folds     folds that every recipe meets, chosen by the rows if None
    exam      share of rows held out for the end, chosen by the rows if None
    search    "auto", "random", "grid", "tpe" or "gp"; out: run folder, a temporary one if None
    text      text column or columns; text_pair: the second text, where a row is a pair of texts (told by usual names
              where no text is named); group: column whose groups stay on one side of every split
    numeric, categorical, date, list   columns beside the text, where what Penna infers is to be otherwise
    ignore    columns to leave out, text or not; "*" for all that are not text
    encoding  of files, such as "cp1252"; header: whether the first line of a CSV file names its columns (column_1,
              column_2 ... if not); inferred if None; max_expanded: most that a compressed file may expand to
    separator stands between the labels of a cell, where rows have several; found if None
    rare      what to do with a class or a label of one row: "error" or "drop"
    clean     cleaning of the texts: "auto" (chosen by the search among ways that change these rows), "none", or steps
              like "unicode+markup+links+numbers+case+spaces"
    out_of_scope  label of rows that belong to no other class: answered where none is likely, by a threshold found on
              validation rows; training rows may have it or not; a label called "oos" or alike is found by itself
    label_noise  rows whose label models doubt: "keep", "weight" (less) or "drop" them in training, or "auto": what
              scores best on rows that are never touched; pairs to translate that cannot be right are kept or dropped
    adjust    last steps on the answers (thresholds for the metric, calibration): "auto" where they help, or "none"

    After ``fit``: ``bundle_`` (the artefact), ``classes_`` (of a classifier), ``exam_`` (metrics with intervals) and
    ``trials_``.

    >>> texts, labels = ["good film", "bad film"] * 20, ["pos", "neg"] * 20
    >>> texts = [f"{t} {i}" for i, t in enumerate(texts)]
    >>> auto = AutoText(budget=6, families=("linear",)).fit(texts, labels)
    >>> auto.predict(["a good film"]).tolist()
    ['pos']
    """

    def __init__(
        self,
        budget: str | float = "10m",
        *,
        max_mb: float | None = None,
        max_ms: float | None = None,
        families: Sequence[str] = FAMILIES,
        encoders: Sequence[str] = (),
        metric: str | None = None,
        folds: int | None = None,
        exam: float | None = None,
        search: str = "auto",
        seed: int = 0,
        threads: int | None = None,
        out: Path | str | None = None,
        text: Sequence[str] | str | None = None,
        text_pair: str | None = None,
        numeric: Sequence[str] | str = (),
        categorical: Sequence[str] | str = (),
        date: Sequence[str] | str = (),
        list: Sequence[str] | str = (),
        ignore: Sequence[str] | str = (),
        group: str | None = None,
        task: str = "auto",
        separator: str | None = None,
        encoding: str | None = None,
        header: bool | None = None,
        max_expanded: str | float = MAX_EXPANDED,
        rare: str = "error",
        clean: str = "auto",
        out_of_scope: Any = None,
        label_noise: str = "auto",
        adjust: str = "auto",
        resume: bool = False,
        progress: Any = False,
    ) -> None:
        self.budget = budget
        self.max_mb = max_mb
        self.max_ms = max_ms
        self.families = families
        self.encoders = encoders
        self.metric = metric
        self.folds = folds
        self.exam = exam
        self.search = search
        self.seed = seed
        self.threads = threads
        self.out = out
        self.text = text
        self.text_pair = text_pair
        self.numeric = numeric
        self.categorical = categorical
        self.date = date
        self.list = list
        self.ignore = ignore
        self.group = group
        self.task = task
        self.separator = separator
        self.encoding = encoding
        self.header = header
        self.max_expanded = max_expanded
        self.rare = rare
        self.clean = clean
        self.out_of_scope = out_of_scope
        self.label_noise = label_noise
        self.adjust = adjust
        self.resume = resume
        self.progress = progress

    def fit(self, X: Any, y: Any = None, *, test: Any = None) -> "AutoText":
        """Search, choose, refit, pack and examine.

        X     list of texts, DataFrame, or the path of a file
        y     labels, or the name of the target column; for several labels in a row tuples or lists of them, a matrix of
              0 and 1, or the names of columns of 0 and 1
        test  rows for the exam in the same form as X (a file or a DataFrame with the same columns)

        Raises TableError, TaskError, SettingError or RunError where the input cannot be used.
        """
        deadline = Deadline(parse_seconds(self.budget))
        # NumPy's and SciPy's threads; torch and onnxruntime are told by the families.
        with threadpool_limits(self.threads):
            return self._fit(X, y, test, deadline)

    def _fit(self, X: Any, y: Any, test: Any, deadline: Deadline) -> "AutoText":
        progress: Progress = self.progress or Silent()
        intake.check_settings(self.get_params())
        form = self._form()
        folder = self._folder()
        # A resumed run has what is left of its budget.
        deadline = Deadline(deadline.seconds, deadline.started - elapsed.before(folder))
        named = columns.asked(**{role: getattr(self, role) for role in columns.NAMED})
        table, task, findings = intake.read(
            X, y, self.text, self.group, self.rare, self.task, self.metric, named, self.text_pair, self.out_of_scope,
            self.separator, form,
        )  # fmt: skip
        task = task if self.adjust == intake.AUTO else tasks.as_served(task)
        progress.event("table", rows=len(table), roles=table.roles, findings=[f.message for f in findings])
        exam, more = intake.exam_table(test, table, task, form)
        plan = split.plan(
            table, task.strata(table), folds=self.folds, exam=self.exam, has_test=exam is not None,
            most_valid=tasks.enough(task), seed=self.seed,
        )  # fmt: skip
        intake.check_folds(self.folds, len(plan.first_round))
        task = tasks.learnt(task, table.take(plan.search))
        exam = table.take(plan.exam) if exam is None else exam
        said = [finding.message for finding in more]
        progress.event("plan", exam=len(exam), folds=len(plan.first_round), metric=task.metric, findings=said)

        families = intake.suited(self.families, table, task, progress)
        ledger = Ledger(folder, outset.header(table, task, plan, self.seed))
        families, encoders = intake.usable(families, self.encoders, ledger, progress)
        ledger.begin()
        work = outset.work(task, table, plan, deadline, encoders, self.get_params())
        outset.say(work, progress)
        goal = outset.goal(folder, deadline, ledger, table, len(exam), self.get_params())
        search = Search(work, families, self.search, ledger, goal, progress)
        with elapsed.Noted(folder, deadline):
            ended = search.run()
            progress.event("phase", name=f"search ended: {ended}")
            packed = self._pack(search, exam, ended)
        facts = packing.facts(packed, deadline.spent(), len(table))
        bundle.amend(packed.bundle, facts, packing.card(packed, facts, table.target_name))

        self.bundle_ = packed.bundle
        self.bundle_.home = self.__dict__.pop("_home", None)
        if task.classes:
            self.classes_ = np.array(task.classes)
        self.exam_ = packed.measured
        self.trials_ = tuple(ledger.trials)
        self.n_features_in_ = len(table.text) + len(table.columns)
        found = [*findings, *more, *packed.cleaned, *packed.doubted]
        self.record_ = record.build(self._settings(X, table), table, found, plan, exam, search, packed, facts, ended)
        record.write(folder, self.record_)
        progress.event("final", recipe=str(packed.choice), measures=packed.measured, facts=facts, path=folder)
        return self

    def predict(self, X: Any) -> Array:
        """(n,) labels, or numbers; where rows have several labels, an object array of tuples of them."""
        return self._fitted().predict(X, self._form())

    def predict_proba(self, X: Any) -> Array:
        """(n, k) float32 probabilities, columns in the order of ``classes_``. Raises TaskError for a regressor."""
        return self._fitted().predict_proba(X, self._form())

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy of a classifier, R2 of a regressor, as scikit-learn has it."""
        answers = list(self.predict(X))
        return self._fitted().task.agreement(as_labels(y, len(answers))[1], answers, sample_weight)

    def leaderboard(self) -> "pd.DataFrame":
        """Every trial, best first."""
        import pandas as pd

        self._fitted()
        return pd.DataFrame(record.leaderboard(self.trials_))

    def report(self, path: Path | str) -> None:
        """Write the run's report as one HTML page."""
        from penna import report

        self._fitted()
        report.render(self.record_, Path(path))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "bundle_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, RegressorTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = self._estimator_type
        tags.classifier_tags, tags.regressor_tags = ClassifierTags(), RegressorTags()
        tags.classifier_tags.multi_label = True
        tags.target_tags.required = True
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.no_validation = tags.non_deterministic = True  # a wall clock decides how much is tried
        return tags

    @property
    def _estimator_type(self) -> str:
        """Of what was fitted, or of what was asked for: scikit-learn stratifies the folds of a classifier."""
        asked = self.bundle_.task.name if hasattr(self, "bundle_") else self.task
        known = asked in plugins.names("tasks")
        return str(plugins.find("tasks", asked if known else "classify").ESTIMATOR)

    def _form(self) -> Form:
        return Form.of(self.encoding, self.header, self.max_expanded)

    def _fitted(self) -> Bundle:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        return self.bundle_

    def _folder(self) -> Path:
        if self.out is not None:
            return intake.run_folder(Path(self.out), self.resume)
        self._home = bundle.Home()
        return self._home.path / "run"

    def _pack(self, search: Search, exam: Table, ended: str) -> packing.Packed:
        try:
            return packing.pack(search, exam, ended)
        except OutOfTime:
            if ended == STOPPED:
                raise RunError("it was stopped before a model was finished: start again, and give it longer.") from None
            if not search.portfolio:
                families = " and ".join(search.families)
                raise RunError(f"{families} offer nothing for such rows: add linear to --families.") from None
            reasons = "; ".join(dict.fromkeys(t.reason for t in search.ledger.trials if t.reason)) or "too little time"
            budget = search.work.budget
            free = budget.admits(np.inf, np.inf)
            under, ceilings = ("", "") if free else (" and under the ceilings", " or the ceilings (--max-mb, --max-ms)")
            raise RunError(
                f"no model was finished within {budget.seconds:g} s{under} ({reasons}): raise --budget{ceilings}."
            ) from None

    def _settings(self, source: Any, table: Table) -> dict[str, Any]:
        """What was asked for, as the report shows it."""
        given = {k: v for k, v in self.get_params().items() if k != "progress"}
        plain = {k: v if isinstance(v, int | float | str | None) else str(v) for k, v in given.items()}
        return {"data": Path(source).name if isinstance(source, str | Path) else table.target_name, **plain}
