"""What a fit starts from: the encoders that are used when none is named, and those that are."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from penna import tasks
from penna.automl import families, setup
from penna.automl.estimator import FAMILIES, AutoText
from penna.data.table import Table
from penna.errors import SettingError
from penna.models.base import get_family
from penna.search.trials import TrialLog
from penna.terminal.listeners import Silent

WITHOUT_ENCODER = [name for name in FAMILIES if get_family(name).NEEDS_NO_ENCODER]


@pytest.fixture
def assets(tiny_cycle: Path, tiny_bert: Path, tmp_path: Path) -> Path:
    """A folder as the package's own, with one good encoder in it and one that is damaged."""
    shutil.copytree(tiny_cycle, tmp_path / "assets" / "penna-mini")
    shutil.copytree(tiny_bert, tmp_path / "assets" / "spoilt")
    (tmp_path / "assets" / "spoilt" / "model.safetensors").unlink()
    return tmp_path / "assets"


@pytest.fixture
def ledger(tmp_path: Path) -> TrialLog:
    return TrialLog(tmp_path / "run", {})


def test_shipped_encoder_is_the_default(assets: Path, ledger: TrialLog) -> None:
    names, encoders = families.usable(FAMILIES, (), ledger, Silent(), assets)
    assert (names, encoders) == (list(FAMILIES), ["penna-mini"])
    assert {t.recipe.family for t in ledger.trials} == set(FAMILIES) - set(WITHOUT_ENCODER)
    assert {t.recipe.get("encoder") for t in ledger.trials} == {"spoilt"}
    assert "model.safetensors" in ledger.trials[0].reason


def test_named_encoder_replaces_the_shipped_one(assets: Path, ledger: TrialLog, tiny_bert: Path) -> None:
    def used(*named: object) -> list[str]:
        return families.usable(FAMILIES, named, ledger, Silent(), assets)[1]  # type: ignore[arg-type]

    assert used(tiny_bert) == [str(tiny_bert)]
    assert used(tiny_bert, "penna-mini", tiny_bert) == [str(tiny_bert), "penna-mini"]
    assert ledger.trials == []


def test_unusable_named_encoder_is_not_replaced(assets: Path, ledger: TrialLog) -> None:
    names, encoders = families.usable(FAMILIES, ("spoilt",), ledger, Silent(), assets)
    assert (names, encoders) == (WITHOUT_ENCODER, [])


def test_unusable_encoder_is_reported_by_optional_families(assets: Path, ledger: TrialLog) -> None:
    names, encoders = families.usable(("translation_memory", "seq2seq"), ("spoilt",), ledger, Silent(), assets)
    assert (names, encoders) == (["translation_memory", "seq2seq"], [])
    assert [(t.recipe.family, t.recipe["encoder"]) for t in ledger.trials] == [
        ("translation_memory", "spoilt"),
        ("seq2seq", "spoilt"),
    ]


def test_linear_models_alone_open_no_encoder(assets: Path, ledger: TrialLog) -> None:
    assert families.usable(("linear",), (), ledger, Silent(), assets) == (["linear"], [])
    assert families.usable(("translation_memory", "seq2seq"), (), ledger, Silent(), assets) == (
        ["translation_memory", "seq2seq"],
        [],
    )
    assert ledger.trials == []


def test_missing_encoder_message_names_the_option(ledger: TrialLog, tmp_path: Path) -> None:
    names, encoders = families.usable(FAMILIES, (), ledger, Silent(), tmp_path / "nothing")
    assert (names, encoders) == (WITHOUT_ENCODER, [])
    assert ledger.trials
    assert all("--encoder" in t.reason for t in ledger.trials)
    with pytest.raises(SettingError, match="no encoder could be used"):
        families.usable(("frozen",), (), ledger, Silent(), tmp_path / "nothing")


def test_what_cannot_be_begun_leaves_no_folder_behind(tmp_path: Path) -> None:
    fresh = TrialLog(tmp_path / "run", {"seed": 0})
    with pytest.raises(SettingError, match=r"could be used \(encoder '.*nowhere': there is no such folder"):
        families.usable(("frozen",), (str(tmp_path / "nowhere"),), fresh, Silent(), tmp_path / "nothing")
    assert not (tmp_path / "run").exists()


def test_more_folds_than_rows_or_groups_fill_are_refused() -> None:
    setup.check_folds(None, 3)
    setup.check_folds(3, 3)
    with pytest.raises(SettingError, match="fill 3"):
        setup.check_folds(4, 3)


def test_string_of_families_is_refused_with_the_list_form() -> None:
    with pytest.raises(SettingError, match=r"give a list, families=\['linear', 'trees'\]"):
        AutoText(families="linear,trees").fit(["good", "bad"] * 20, [0, 1] * 20)


def test_families_without_encoder_come_first() -> None:
    texts = np.array([f"{word} film {i}" for i in range(20) for word in ("good", "bad")], dtype=object)
    table = Table({"text": texts}, np.array(["pos", "neg"] * 20, dtype=object), rows=np.arange(1, 41))
    found = families.suited(("finetune", "frozen", "linear"), table, tasks.find("classification", table), Silent())
    assert found == ["linear", "finetune", "frozen"]
