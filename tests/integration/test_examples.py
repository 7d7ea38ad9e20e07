"""Every file in ``examples/`` runs offline, as a user would start it, and prints a score far above chance."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
#: The score that each example prints, and a bound that holds even if a busy machine leaves time for simple models only.
SCORES = {
    "answers": (r"F1 ([\d.]+) on", 0.2),
    "entities": (r"entity F1 ([\d.]+) on", 0.7),
    "finetune_with_transformers": (r"accuracy ([\d.]+) on", 0.8),
    "sentiment": (r"accuracy ([\d.]+) on", 0.8),
    "topics": (r"accuracy ([\d.]+) on", 0.8),
    "translation": (r"chrF ([\d.]+) on", 50),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_example_runs_offline_and_prints_a_good_score(name: str, tmp_path: Path) -> None:
    # Threads of PyTorch that spin while they wait take six times as long if other work holds the cores.
    settings = {"HF_HUB_OFFLINE": "1", "PENNA_CACHE": str(tmp_path / "cache"), "OMP_WAIT_POLICY": "PASSIVE"}
    ended = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert ended.returncode == 0, ended.stderr
    pattern, least = SCORES[name]
    score = re.search(pattern, ended.stdout)
    assert score is not None, ended.stdout
    assert float(score[1]) >= least, ended.stdout
