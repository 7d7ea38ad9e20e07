"""AutoText: the main job as a scikit-learn estimator. ``fit`` reads as the list of verbs; lower floors do the work."""

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from penna import extras, plugins, tasks
from penna.artifact import bundle
from penna.artifact.bundle import Bundle
from penna.automl import elapsed_time, families, inputs, model_card, package, run_record, setup
from penna.automl.refit import refit
from penna.automl.run_limits import Progress
from penna.automl.search_loop import run_search
from penna.budget import Deadline
from penna.data import splits
from penna.data.arrays import Array
from penna.data.readers.format_options import MAX_EXPANDED, Form
from penna.data.readers.in_memory import as_labels
from penna.errors import PennaError, TaskError, shown
from penna.fit_config import OPTIONS, FitConfig
from penna.fit_options import settled
from penna.option_checks import AUTO, FAMILIES
from penna.preprocessing import sample_weights
from penna.search.trials import TrialLog
from penna.terminal.listeners import watching

if TYPE_CHECKING:
    import pandas as pd


class AutoText(BaseEstimator):  # type: ignore[misc]
    """Search, test and package the best model of texts within a budget; a scikit-learn estimator.

    Parameters
    ----------
    budget : str, float, timedelta or Deadline
        Time for everything: seconds, or a text such as "30s", "10 minutes" or "1h30m".
    max_size_mb : float, optional
        Largest size of the artifact, in megabytes.
    max_latency_ms : float, optional
        Longest time to predict one text, in milliseconds.
    families : sequence of str
        Model families to search: "linear", "trees", "frozen", "contrastive", "finetune" or a plugin.
    encoders : sequence of str
        Folders or hub names of encoders. Default: the encoder that Penna ships.
    metric : str, optional
        Metric to optimize. Default: inferred from the task and the class shares; "chrf" for translation.
    cv : int, optional
        Number of folds. Default: chosen from the number of rows.
    test_size : float, optional
        Share of the rows in the test set. Default: chosen from the number of rows.
    search_strategy : str
        "auto", "random", "grid", "tpe", "gp" or a plugin.
    runner : str
        What runs the trials: "local" or a plugin.
    exporter : str
        Format of encoders in the artifact: "onnx" or a plugin.
    precision : {"fp32", "int8", "auto"}
        Numbers of encoders in the artifact. "auto" takes int8 if it costs less than ``tolerance``.
    tolerance : float
        Most points of the metric that int8 may cost, by the upper end of a 95 % interval on validation rows.
    random_state : int
        Seed. The same seed gives the same folds and recipes.
    n_jobs : int, optional
        Number of cores. Default: all.
    out : path, optional
        Folder of the run. Default: a temporary folder.
    text : str or sequence of str, optional
        Text columns. Default: inferred.
    text_pair : str, optional
        Second text of a pair. Default: inferred from usual names.
    numeric_columns : str or sequence of str
        Columns of numbers. Default: inferred.
    categorical_columns : str or sequence of str
        Columns of categories. Default: inferred.
    date_columns : str or sequence of str
        Columns of dates. Default: inferred.
    multi_value_columns : str or sequence of str
        Columns of lists of names. Default: inferred.
    ignore_columns : str or sequence of str
        Columns to ignore; "*" ignores all but the text.
    group_column : str, optional
        Column of groups: rows of one group stay in one fold.
    weight_column : str, optional
        Column of row weights for training; weight 0 drops a row.
    task : str
        "classification", "multilabel", "regression", "token_classification" ("ner"), "question_answering" ("qa"),
        "translation" or "auto".
    separator : str, optional
        Separator between the labels of a cell. Default: inferred.
    tag_names : str or sequence of str, optional
        Names of whole-number tags, from 0 on.
    encoding : str, optional
        Encoding of files. Default: inferred.
    header : bool, optional
        Whether the first line names the columns. Default: inferred.
    max_expanded : str or float
        Largest size that a compressed file may expand to.
    rare_classes : {"error", "drop"}
        What to do with a class of one row.
    text_cleaning : str
        "auto", "none", or steps such as "unicode+markup+links+numbers+case+spaces".
    oos_label : optional
        Label for out-of-scope inputs. It is predicted if no class exceeds a threshold tuned on validation rows. It may
        be absent from the training rows. A label named "oos" or similar is detected.
    label_noise : {"auto", "keep", "weight", "drop"}
        How to treat training rows with a suspicious label (or non-parallel pairs).
    postprocess : {"auto", "none"}
        Whether to fit thresholds and calibration if they help.
    resume : bool
        Whether to continue the run in ``out``.
    progress : bool, object or callable
        True shows the progress; an object with ``event(kind, **data)`` or a function gets every event.

    Attributes
    ----------
    bundle_ : Bundle
        The artifact.
    classes_ : ndarray
        The labels, sorted.
    test_scores_ : dict
        Metrics on the test set with 95 % intervals.
    trials_ : list of Trial
        Every trial.

    Raises
    ------
    PennaError
        For every mistake in data or options, with what to do.

    Examples
    --------
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
        max_size_mb: float | None = None,
        max_latency_ms: float | None = None,
        families: Sequence[str] = FAMILIES,
        encoders: Sequence[str] = (),
        metric: str | None = None,
        cv: int | None = None,
        test_size: float | None = None,
        search_strategy: str = "auto",
        runner: str = "local",
        exporter: str = "onnx",
        precision: str = "fp32",
        tolerance: float = 0.5,
        random_state: int = 0,
        n_jobs: int | None = None,
        out: Path | str | None = None,
        text: Sequence[str] | str | None = None,
        text_pair: str | None = None,
        numeric_columns: Sequence[str] | str = (),
        categorical_columns: Sequence[str] | str = (),
        date_columns: Sequence[str] | str = (),
        multi_value_columns: Sequence[str] | str = (),
        ignore_columns: Sequence[str] | str = (),
        group_column: str | None = None,
        weight_column: str | None = None,
        task: str = "auto",
        separator: str | None = None,
        tag_names: Sequence[str] | str | None = None,
        encoding: str | None = None,
        header: bool | None = None,
        max_expanded: str | float = MAX_EXPANDED,
        rare_classes: str = "error",
        text_cleaning: str = "auto",
        oos_label: Any = None,
        label_noise: str = "auto",
        postprocess: str = "auto",
        resume: bool = False,
        progress: Any = False,
    ) -> None:
        self.budget = budget
        self.max_size_mb = max_size_mb
        self.max_latency_ms = max_latency_ms
        self.families = families
        self.encoders = encoders
        self.metric = metric
        self.cv = cv
        self.test_size = test_size
        self.search_strategy = search_strategy
        self.runner = runner
        self.exporter = exporter
        self.precision = precision
        self.tolerance = tolerance
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.out = out
        self.text = text
        self.text_pair = text_pair
        self.numeric_columns = numeric_columns
        self.categorical_columns = categorical_columns
        self.date_columns = date_columns
        self.multi_value_columns = multi_value_columns
        self.ignore_columns = ignore_columns
        self.group_column = group_column
        self.weight_column = weight_column
        self.task = task
        self.separator = separator
        self.tag_names = tag_names
        self.encoding = encoding
        self.header = header
        self.max_expanded = max_expanded
        self.rare_classes = rare_classes
        self.text_cleaning = text_cleaning
        self.oos_label = oos_label
        self.label_noise = label_noise
        self.postprocess = postprocess
        self.resume = resume
        self.progress = progress

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, test: Any = None) -> "AutoText":
        """Search, choose, refit, write the artifact, and score the test set.

        Parameters
        ----------
        X : sequence of str, DataFrame or path
            Texts, a table, or a file.
        y : object
            Labels, or the name of the target column. Several labels of a row are tuples or lists, a 0/1 matrix of shape
            (n, k), or the names of 0/1 columns.
        sample_weight : array of shape (n,) or str, optional
            Training weight of each row, 0 to drop it, or the name of a column. Scores count every row once.
        test : DataFrame or path, optional
            Rows of the test set, with the columns of ``X``. Default: rows held out from ``X``.

        Returns
        -------
        AutoText
            The fitted estimator.

        Raises
        ------
        TableError, TaskError, SettingError or RunError
            If the input cannot be used, or no model was finished.
        """
        running = self.budget if isinstance(self.budget, Deadline) else None
        started = running.started if running else time.monotonic()
        options = {name: getattr(self, name) for name in OPTIONS}
        config = FitConfig(**{**options, "budget": running.seconds if running else self.budget})
        deadline = Deadline(config.budget, started)
        # NumPy's and SciPy's threads; families set those of torch and onnxruntime.
        with threadpool_limits(config.n_jobs), watching(config.progress, deadline) as progress:
            return self._fit(X, y, sample_weight, test, config, deadline, progress)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, test: Any, config: FitConfig, deadline: Deadline,
        progress: Progress,
    ) -> "AutoText":  # fmt: skip
        folder = self._folder(config.out, config.resume)
        # A resumed run has what is left of its budget.
        deadline = Deadline(deadline.seconds, deadline.started - elapsed_time.before(folder))
        table, task, findings = inputs.read(X, y, config, sample_weight)
        task = task if config.postprocess == AUTO else task.without_postprocessing()
        progress.event("table", rows=len(table), roles=table.roles, findings=[f.message for f in findings])
        test_table, more = inputs.read_test_set(test, table, task, config.form)
        plan = splits.plan(
            table, task.strata(table), folds=config.cv, test_size=config.test_size, has_test=test_table is not None,
            most_valid=tasks.task_type(task.name).MAX_VALIDATION_ROWS, seed=config.random_state,
        )  # fmt: skip
        setup.check_folds(config.cv, len(plan.first_round))
        task = task.fit_target(table.take(plan.search))
        test_table = table.take(plan.test) if test_table is None else test_table
        messages = [finding.message for finding in more]
        progress.event(
            "plan", test_rows=len(test_table), folds=len(plan.first_round), metric=task.metric, findings=messages
        )

        chosen = families.suited(config.families, table, task, progress)
        findings += families.weight_findings(chosen, table, progress)
        trial_log = TrialLog(folder, setup.header(table, task, plan, config.random_state))
        chosen, encoders = families.usable(chosen, config.encoders, trial_log, progress)
        trial_log.begin()
        problem = setup.problem(task, table, plan, deadline, encoders, config)
        setup.warn_unsupported(problem, progress)
        limits = setup.limits(folder, deadline, trial_log, table, len(test_table), config)
        with elapsed_time.Noted(folder, deadline):
            result = run_search(problem, chosen, config.search_strategy, trial_log, limits, progress)
            progress.event("searched", why=result.ended)
            progress.event("phase", name=f"search ended: {result.ended}")
            fit = refit(result, test_table, progress)
        facts = package.facts(fit, deadline.spent(), len(table))
        bundle.amend(fit.bundle, facts, model_card.card(fit, facts, table.target_name))

        self.bundle_ = fit.bundle
        self.bundle_.home = self.__dict__.pop("_home", None)
        if task.classes:
            self.classes_ = np.array(task.classes)
        self.test_scores_ = fit.test_scores
        self.trials_ = result.trials
        self.n_features_in_ = len(table.text) + len(table.columns)
        findings += [*more, *fit.cleaning_findings, *fit.noise_findings]
        settings = run_record.settings(X, table, {**vars(config), "budget": self.budget})
        run_inputs = run_record.RunInputs(settings, table, findings, plan, test_table)
        self.record_ = run_record.build(run_inputs, result, fit, facts)
        run_record.write(folder, self.record_)
        progress.event("final", recipe=str(fit.choice), measures=fit.test_scores, facts=facts, path=folder)
        return self

    def predict(self, X: Any) -> Array:
        """Return labels (n,) or numbers; an object array of tuples if rows have several labels."""
        return self._fitted().predict(X, self._form())

    def predict_proba(self, X: Any) -> Array:
        """Return probabilities (n, k) float32, columns in the order of ``classes_``. Raises TaskError for numbers."""
        return self._fitted().predict_proba(X, self._form())

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of a classifier or the R2 of a regressor, as in scikit-learn."""
        answers = list(self.predict(X))
        truth = as_labels(y, len(answers))[1]
        each = None if sample_weight is None else sample_weights.numbers(sample_weight, len(answers))
        try:
            return self._fitted().task.sklearn_score(truth, answers, each)
        except PennaError:
            raise
        except ValueError:
            raise TaskError(
                f"y holds {shown(truth[0])} where the model answers {shown(answers[0])}: give labels of that kind."
            ) from None

    def leaderboard(self) -> "pd.DataFrame":
        """Return every trial as a DataFrame, best first."""
        extras.require("tables", "a leaderboard as a DataFrame")
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
        """The fitted task decides, else the requested one: scikit-learn stratifies the folds of a classifier."""
        name = self.bundle_.task.name if hasattr(self, "bundle_") else self.task
        known = name in plugins.names("tasks")
        return tasks.task_type(name if known else "classification").ESTIMATOR_TYPE

    def _form(self) -> Form:
        form = settled({"encoding": self.encoding, "header": self.header, "max_expanded": self.max_expanded})
        return Form.of(**form)

    def _fitted(self) -> Bundle:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        return self.bundle_

    def _folder(self, out: Path | None, resume: bool) -> Path:
        if out is not None:
            return setup.run_folder(out, resume)
        self._home = bundle.TemporaryFolder()
        return self._home.path / "run"
