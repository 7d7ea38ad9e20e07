"""Bad tables at the command line: a clear sentence or the right result, and nothing lost."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from penna.automl.data_check import check
from penna.cli import app
from penna.data.table import Finding

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

N = 120
WAYS = ("%Y-%m-%d", "%d.%m.%Y", "%d %b %Y", "%B %d, %Y", "%Y/%m/%d %H:%M")


def frame(**more: object) -> pd.DataFrame:
    texts = [f"{('awful', 'lovely')[i % 2]} thing number {i} that I bought" for i in range(N)]
    return pd.DataFrame({"text": texts, "age": [18 + i * 7 % 50 for i in range(N)], **more, "label": ["n", "p"] * 60})


def penna(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def found(table: pd.DataFrame) -> dict[str, Finding]:
    return {finding.kind: finding for finding in check(table, "label", budget=30, encoders=("none",)).findings}


def test_rows_that_are_all_copies_are_refused_with_the_reason(tmp_path):
    table = pd.DataFrame({"text": ["the very same text"] * N, "age": [3] * N, "label": ["n", "p"] * 60})
    assert "only 1 different text," in found(table)["refused"].message
    table.to_csv(tmp_path / "t.csv", index=False)
    ran = penna("fit", tmp_path / "t.csv", "--target", "label", "--budget", "5s", "--out", tmp_path / "run")
    assert ran.exit_code == 2
    assert ran.stderr.count("\n") == 1


def test_infinities_and_a_column_that_changes_half_way_are_named():
    price = np.where(np.arange(N) % 5 == 0, np.inf, np.arange(N) / 7.0)
    size = [str(i) if i < N // 2 else f"w{i % 30}" for i in range(N)]
    kinds = found(frame(price=price, size=size))
    assert kinds["numeric outlier"].columns == ("price",)
    assert kinds["mixed column"].columns == ("size",)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run on a table with most of what can be wrong, and still can be trained on."""
    folder = tmp_path_factory.mktemp("bad")
    days = [(pd.Timestamp("2020-01-01") + pd.Timedelta(days=i * 5)).strftime(WAYS[i % 5]) for i in range(N)]
    names = ["red", "blue", "green"] * 40
    table = frame(day=days, colour=names, price=[np.inf if i % 9 == 0 else i % 13 / 2 for i in range(N)])
    table["prediction"], table["text: words"], table["more"] = names[::-1], np.arange(N) % 11 / 2, np.arange(N) % 7 / 3
    table.loc[17, "label"] = ""
    header = ",".join(["age" if name == "more" else name for name in table.columns])  # two of one name
    (folder / "t.csv").write_text(header + "\n" + table.to_csv(index=False, header=False), encoding="utf-8")
    ran = penna("fit", folder / "t.csv", "--target", "label", "--budget", "12s", "--families", "linear",
                "--out", folder / "run", "--threads", 1)  # fmt: skip
    assert ran.exit_code == 0, ran.stderr
    for said in ("age_2 (numeric)", "no finite number", "18"):
        assert said in ran.stderr
    return folder


def test_faults_of_a_table_are_reported_and_the_rest_used(run):
    columns = json.loads((run / "run" / "model" / "manifest.json").read_text())["columns"]
    assert {column["name"]: column["role"] for column in columns} == {
        "age": "numeric", "day": "date", "colour": "categorical", "price": "numeric", "prediction": "categorical",
        "text: words": "numeric", "age_2": "numeric",
    }  # fmt: skip


def test_unseen_names_and_reserved_column_names_are_kept(run, tmp_path):
    table = pd.read_csv(run / "t.csv").assign(colour="violet", price="-inf")
    table = table.rename(columns={"age.1": "age_2"})
    table.to_csv(tmp_path / "new.csv", index=False)
    ran = penna("predict", run / "run", tmp_path / "new.csv", "--out", tmp_path / "out.csv")
    assert ran.exit_code == 0, ran.stderr
    out = pd.read_csv(tmp_path / "out.csv")
    assert len(out) == N
    assert out["prediction"].tolist()[:3] == table["prediction"].tolist()[:3]
    assert out.columns.str.startswith("prediction").sum() == 2
