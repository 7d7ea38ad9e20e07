"""AutoText: the main job as a scikit-learn estimator. ``fit`` reads as the list of verbs; lower floors do the work."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from penna import plugins, tasks
from penna.artifact import bundle
from penna.artifact.bundle import Bundle
from penna.automl import elapsed_time, failed_search, inputs, model_card, refit, run_record, setup
from penna.automl.search_loop import Progress, Search
from penna.budget import Deadline
from penna.data import splits
from penna.data.arrays import Array
from penna.data.readers.format_options import MAX_EXPANDED, Form
from penna.data.readers.in_memory import as_labels
from penna.errors import PennaError, TaskError, shown
from penna.fit_options import AUTO, settled
from penna.preprocessing import sample_weights
from penna.preprocessing.columns import schema
from penna.search.trials import Ledger
from penna.terminal.listeners import watching

if TYPE_CHECKING:
    import pandas as pd

FAMILIES = ("linear", "trees", "frozen", "contrastive", "finetune")


class AutoText(BaseEstimator):  # type: ignore[misc]
    """Find, prove and pack the best model of texts within a budget: a classifier, or a regressor.

    budget    time for everything: seconds, a text like "30s", "10 minutes" or "1h30m", a timedelta, or a ``Deadline``
    max_mb    most that the artefact may weigh; max_ms most that one text may take
    families  of models to search: "linear", "trees" (of columns beside the text), "frozen", "contrastive" (where
              classes have few rows), "finetune"
    encoders  folders or hub names of Hugging Face encoders, for frozen and finetune; what came with Penna if none
    task      "classification", "multilabel", "regression", "token_classification", "question_answering",
              "translation", or "auto": what the target looks like
    metric    "accuracy", "macro_f1", "balanced_accuracy", "log_loss" ..., chosen by the class shares if None; for an
              amount "r2" (if None), "rmse", "mae", "pearson" or "spearman"; of translations "chrf" (if None), "bleu" or
              "ter"
    folds, exam  folds that every recipe meets, and the share of rows held out for the end; chosen by the rows if None
    search    "auto", "random", "grid", "tpe" or "gp"; out: run folder, a temporary one if None
    text      text column or columns; text_pair: the second text, where a row is a pair of texts (told by usual names
              where no text is named); group: column whose groups stay on one side of every split
    weight    column of the rows' weights: what a row counts for in training; rows of weight 0 are left out
    numeric, categorical, date, list   columns beside the text, where what Penna infers is to be otherwise
    ignore    columns to leave out, text or not; "*" for all that are not text
    encoding  of files, such as "cp1252"; header: whether the first line of a CSV file names its columns (column_1,
              column_2 ... if not); inferred if None; max_expanded: most that a compressed file may expand to
    separator stands between the labels of a cell, where rows have several; found if None; tag_names: of tags that are
              whole numbers, what each is called, from 0 on
    rare      what to do with a class or a label of one row: "error" or "drop"
    clean     cleaning of the texts: "auto" (chosen by the search among ways that change these rows), "none", or steps
              like "unicode+markup+links+numbers+case+spaces"
    out_of_scope  label of rows that belong to no other class: answered where none is likely, by a threshold found on
              validation rows; training rows may have it or not; a label called "oos" or alike is found by itself
    label_noise  rows whose label models doubt: "keep", "weight" (less) or "drop" them in training, or "auto": what
              scores best on rows that are never touched; pairs to translate that cannot be right are kept or dropped
    adjust    last steps on the answers (thresholds for the metric, calibration): "auto" where they help, or "none"
    progress  True shows the progress in the terminal or the notebook; an object with ``event(kind, **data)``, or a
              function (kind, **data), hears every event

    After ``fit``: ``bundle_`` (the artefact), ``classes_``, ``exam_`` (metrics with intervals) and ``trials_``.

    >>> texts, labels = ["good film", "bad film"] * 20, ["pos", "neg"] * 20
    >>> texts = [f"{t} {i}" for i, t in enumerate(texts)]
    >>> auto = AutoText(budget=6, families=("linear",)).fit(texts, labels)
    >>> auto.predict(["a good film"]).tolist()
    ['pos']
    """

    def __init__(
        self,
        budget: str | float | timedelta | Deadline = "10m",
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
        multi_value: Sequence[str] | str = (),
        ignore: Sequence[str] | str = (),
        group: str | None = None,
        weight: str | None = None,
        task: str = "auto",
        separator: str | None = None,
        tag_names: Sequence[str] | str | None = None,
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
        self.multi_value = multi_value
        self.ignore = ignore
        self.group = group
        self.weight = weight
        self.task = task
        self.separator = separator
        self.tag_names = tag_names
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

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, test: Any = None) -> "AutoText":
        """Search, choose, refit, pack and examine.

        X     list of texts, DataFrame, or the path of a file
        y     labels, or the name of the target column; for several labels in a row tuples or lists of them, a matrix of
              0 and 1, or the names of columns of 0 and 1
        sample_weight  (n,) what a row counts for in training, 0 to leave it out, or a column; scores count rows once
        test  rows for the exam in the same form as X (a file or a DataFrame with the same columns)

        Raises TableError, TaskError, SettingError or RunError where the input cannot be used.
        """
        running = self.budget if isinstance(self.budget, Deadline) else None
        started = running.started if running else time.monotonic()
        asked = settled({**self.get_params(), "budget": running.seconds if running else self.budget})
        deadline = Deadline(asked["budget"], started)
        # NumPy's and SciPy's threads; torch and onnxruntime are told by the families.
        with threadpool_limits(asked["threads"]), watching(asked["progress"], deadline) as progress:
            return self._fit(X, y, sample_weight, test, asked, deadline, progress)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, test: Any, asked: Mapping[str, Any], deadline: Deadline,
        progress: Progress,
    ) -> "AutoText":  # fmt: skip
        form = self._form()
        folder = self._folder(asked["out"], asked["resume"])
        # A resumed run has what is left of its budget.
        deadline = Deadline(deadline.seconds, deadline.started - elapsed_time.before(folder))
        roles = {role: asked[role] for role in schema.NAMED}
        named = schema.asked(**roles, weight=sample_weights.named(asked["weight"], sample_weight))
        table, task, findings = inputs.read(
            X, y, asked["text"], asked["group"], asked["rare"], asked["task"], asked["metric"], named,
            asked["text_pair"], asked["out_of_scope"], asked["separator"], form, asked["tag_names"], sample_weight,
        )  # fmt: skip
        task = task if asked["adjust"] == AUTO else tasks.as_served(task)
        progress.event("table", rows=len(table), roles=table.roles, findings=[f.message for f in findings])
        exam, more = inputs.exam_table(test, table, task, form)
        plan = splits.plan(
            table, task.strata(table), folds=asked["folds"], exam=asked["exam"], has_test=exam is not None,
            most_valid=tasks.enough(task), seed=asked["seed"],
        )  # fmt: skip
        inputs.check_folds(asked["folds"], len(plan.first_round))
        task = tasks.learnt(task, table.take(plan.search))
        exam = table.take(plan.exam) if exam is None else exam
        said = [finding.message for finding in more]
        progress.event("plan", exam=len(exam), folds=len(plan.first_round), metric=task.metric, findings=said)

        families = inputs.suited(asked["families"], table, task, progress)
        findings += inputs.weighing(families, table, progress)
        ledger = Ledger(folder, setup.header(table, task, plan, asked["seed"]))
        families, encoders = inputs.usable(families, asked["encoders"] or (), ledger, progress)
        ledger.begin()
        work = setup.work(task, table, plan, deadline, encoders, asked)
        setup.say(work, progress)
        goal = setup.goal(folder, deadline, ledger, table, len(exam), asked)
        search = Search(work, families, asked["search"], ledger, goal, progress)
        with elapsed_time.Noted(folder, deadline):
            ended = search.run()
            progress.event("searched", why=ended)
            progress.event("phase", name=f"search ended: {ended}")
            packed = failed_search.packed(search, exam, ended)
        facts = refit.facts(packed, deadline.spent(), len(table))
        bundle.amend(packed.bundle, facts, model_card.card(packed, facts, table.target_name))

        self.bundle_ = packed.bundle
        self.bundle_.home = self.__dict__.pop("_home", None)
        if task.classes:
            self.classes_ = np.array(task.classes)
        self.exam_ = packed.measured
        self.trials_ = tuple(ledger.trials)
        self.n_features_in_ = len(table.text) + len(table.columns)
        found = [*findings, *more, *packed.cleaned, *packed.doubted]
        given = run_record.settings(X, table, {**asked, "budget": self.budget})
        self.record_ = run_record.build(given, table, found, plan, exam, search, packed, facts, ended)
        run_record.write(folder, self.record_)
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
        truth = as_labels(y, len(answers))[1]
        each = None if sample_weight is None else sample_weights.numbers(sample_weight, len(answers))
        try:
            return self._fitted().task.agreement(truth, answers, each)
        except PennaError:
            raise
        except ValueError:
            raise TaskError(
                f"y holds {shown(truth[0])} where the model answers {shown(answers[0])}: give labels of that kind."
            ) from None

    def leaderboard(self) -> "pd.DataFrame":
        """Every trial, best first."""
        import pandas as pd

        self._fitted()
        return pd.DataFrame(run_record.leaderboard(self.trials_))

    def report(self, path: Path | str) -> None:
        """Write the run's report as one HTML page."""
        from penna import report

        self._fitted()
        report.render(self.record_, Path(settled({"path": path})["path"]))

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
        return str(plugins.find("tasks", asked if known else "classification").ESTIMATOR)

    def _form(self) -> Form:
        form = settled({"encoding": self.encoding, "header": self.header, "max_expanded": self.max_expanded})
        return Form.of(**form)

    def _fitted(self) -> Bundle:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        return self.bundle_

    def _folder(self, out: Path | None, resume: bool) -> Path:
        if out is not None:
            return inputs.run_folder(out, resume)
        self._home = bundle.Home()
        return self._home.path / "run"
