"""Checkpoints: found in folders, in the package and in the hub's cache; checked before use; loaded and cut."""

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from penna.encoders import checkpoints
from penna.errors import EncoderError


@pytest.fixture
def copy(tiny_bert: Path, tmp_path: Path) -> Path:
    """A copy of the tiny BERT that a test may spoil."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "copy"))


def refused(folder: Path | str, **options: object) -> str:
    with pytest.raises(EncoderError) as caught:
        checkpoints.find(str(folder), **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(folder: Path, **values: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(checkpoints.KINDS))
def test_known_architectures_give_hidden_states_at_each_depth(kind: str, tiny: Callable[[str], Path]) -> None:
    import torch

    checkpoint = checkpoints.find(str(tiny(kind)))
    assert (checkpoint.kind, checkpoint.width, checkpoint.layers, checkpoint.max_length) == (kind, 32, 4, 64)
    assert checkpoint.shared_layers == (kind == "albert")
    ids = torch.randint(5, 100, (2, checkpoint.max_length))
    for depth in (1, 4):
        module = checkpoints.load_module(checkpoint, depth=depth)
        with torch.inference_mode():
            states = module(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        assert states.shape == (2, 64, 32)
        size = sum(p.numel() for p in module.parameters()) * 4 / 1e6
        assert checkpoint.megabytes_at(depth) == pytest.approx(size, rel=0.02)


@pytest.mark.parametrize("kind", ["bert", "albert", "distilbert"])
def test_a_cut_encoder_is_the_inside_of_the_whole_one(kind: str, tiny: Callable[[str], Path]) -> None:
    import torch

    checkpoint = checkpoints.find(str(tiny(kind)))
    ids = torch.randint(5, 100, (2, 9))
    with torch.inference_mode():
        inner = checkpoints.load_module(checkpoint)(input_ids=ids, output_hidden_states=True).hidden_states[2]
        cut = checkpoints.load_module(checkpoint, depth=2)(input_ids=ids).last_hidden_state
    assert torch.allclose(inner, cut, atol=1e-5)


def test_albert_counts_layers_as_often_as_it_applies_them(tiny_cycle: Path) -> None:
    import torch

    checkpoint = checkpoints.find(str(tiny_cycle))
    assert (checkpoint.layers, checkpoint.depths, checkpoint.trained) == (12, (3, 6, 9, 12), (3, 6, 12))
    ids = torch.randint(5, 100, (2, 9))
    with torch.inference_mode():
        states = checkpoints.load_module(checkpoint)(input_ids=ids, output_hidden_states=True).hidden_states
        for depth in checkpoint.depths:
            module = checkpoints.load_module(checkpoint, depth=depth)
            cut = module(input_ids=ids).last_hidden_state
            assert torch.allclose(states[depth], cut, atol=1e-5)
            assert not torch.allclose(states[depth - 1], cut, atol=0.1)
            size = sum(p.numel() for p in module.parameters()) * 4 / 1e6
            assert checkpoint.megabytes_at(depth) == pytest.approx(size, rel=1e-6)
    with pytest.raises(EncoderError, match="a depth of 4 cannot work; choose one of 3, 6, 9, 12"):
        checkpoints.load_module(checkpoint, depth=4)


@pytest.mark.parametrize(
    ("calls", "groups", "inner", "depths"),
    [(4, 1, 1, (1, 2, 3, 4)), (4, 2, 1, (2, 4)), (4, 2, 3, (6, 12)), (3, 3, 1, (1, 2, 3)), (5, 2, 1, (5,))],
)
def test_a_cut_keeps_whole_groups_called_as_before(
    calls: int, groups: int, inner: int, depths: tuple[int, ...], tiny_albert: Path, tmp_path: Path
) -> None:
    import torch
    import transformers

    shape = {"num_hidden_layers": calls, "num_hidden_groups": groups, "inner_group_num": inner}
    config = transformers.AutoConfig.from_pretrained(tiny_albert, **shape, initializer_range=0.2)
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    shutil.copy(tiny_albert / "tokenizer.json", tmp_path)
    checkpoint = checkpoints.find(str(tmp_path))
    assert checkpoint.depths == depths
    ids = torch.randint(5, 100, (2, 9))
    with torch.inference_mode():
        states = checkpoints.load_module(checkpoint)(input_ids=ids, output_hidden_states=True).hidden_states
        for depth in depths:
            module = checkpoints.load_module(checkpoint, depth=depth)
            assert torch.allclose(states[depth], module(input_ids=ids).last_hidden_state, atol=1e-5)
            size = sum(p.numel() for p in module.parameters()) * 4 / 1e6
            assert checkpoint.megabytes_at(depth) == pytest.approx(size, rel=1e-6)


def test_a_share_of_the_layers_is_a_depth_that_exists(tiny_bert: Path, tiny_cycle: Path, copy: Path) -> None:
    trained = checkpoints.find(str(tiny_cycle))
    assert trained.shares == (1.0, 0.5, 0.25)
    assert [trained.depth_at(s) for s in (1.0, 0.67, 0.5, 0.34, 0.25, 0.0)] == [12, 6, 6, 3, 3, 3]
    usual = checkpoints.find(str(tiny_bert))
    assert usual.shares == checkpoints.SHARES
    assert [usual.depth_at(s) for s in usual.shares] == [4, 3, 2]
    change(copy, num_hidden_layers=1)
    assert checkpoints.find(str(copy)).shares == (1.0,)


@pytest.mark.parametrize("said", [[99, -3], [4], [12]])
def test_trained_depths_that_cannot_be_are_passed_over(said: list[int], copy: Path) -> None:
    change(copy, penna_depths=said)
    assert checkpoints.find(str(copy)).trained == (4,)


@pytest.mark.parametrize("said", ["3", [3.0], [True], {"3": 1}, 3])
def test_trained_depths_that_are_no_whole_numbers_are_refused(said: object, copy: Path) -> None:
    change(copy, penna_depths=said)
    assert "not a list of whole numbers" in refused(copy)


def test_more_layers_than_any_encoder_has_are_refused(copy: Path) -> None:
    change(copy, num_hidden_layers=90_000_000)
    assert "has 90000000 layers" in refused(copy)


def test_half_precision_weights_are_loaded_in_float32(tiny_cycle: Path) -> None:
    import torch
    from safetensors.torch import load_file

    stored = load_file(tiny_cycle / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    checkpoint = checkpoints.find(str(tiny_cycle))
    module = checkpoints.load_module(checkpoint)
    named = dict(module.named_parameters())
    assert {p.dtype for p in named.values()} == {torch.float32}
    assert all(torch.equal(p, stored[name].float()) for name, p in named.items())
    assert checkpoint.megabytes == pytest.approx(sum(p.numel() for p in named.values()) * 4 / 1e6)


def test_dtype_and_dropout_are_set(tiny_bert: Path) -> None:
    import torch

    module = checkpoints.load_module(checkpoints.find(str(tiny_bert)), dtype="bfloat16", dropout=0.3)
    rates = {m.p for m in module.modules() if isinstance(m, torch.nn.Dropout)}
    assert rates == {0.3}
    assert {p.dtype for p in module.parameters()} == {torch.bfloat16}
    assert not module.training


def test_loading_prints_nothing(tiny_bert: Path, capfd: pytest.CaptureFixture[str]) -> None:
    checkpoints.load_module(checkpoints.find(str(tiny_bert)), depth=1)
    assert capfd.readouterr() == ("", "")


def test_a_depth_that_the_encoder_does_not_have_is_refused(tiny_bert: Path) -> None:
    with pytest.raises(EncoderError, match="has 4 layers"):
        checkpoints.load_module(checkpoints.find(str(tiny_bert)), depth=5)


def test_minilm_is_measured_without_its_pooler(minilm: Path) -> None:
    checkpoint = checkpoints.find(str(minilm))
    assert (checkpoint.width, checkpoint.layers, checkpoint.vocabulary, checkpoint.max_length) == (384, 6, 30522, 512)
    assert checkpoint.megabytes == pytest.approx(90.26, abs=0.01)


def test_the_tokenizer_neither_cuts_nor_pads(tiny_bert: Path) -> None:
    tokenizer = checkpoints.load_tokenizer(checkpoints.find(str(tiny_bert)))
    assert len(tokenizer.encode("good film " * 100).ids) == 202
    assert tokenizer.truncation is None
    assert tokenizer.padding is None


def test_a_tokenizer_is_made_from_a_plain_vocabulary(copy: Path) -> None:
    whole = checkpoints.load_tokenizer(checkpoints.find(str(copy)))
    words = sorted(whole.get_vocab().items(), key=lambda item: item[1])
    (copy / "vocab.txt").write_text("\n".join(word for word, _ in words) + "\n")
    (copy / "tokenizer.json").unlink()
    plain = checkpoints.load_tokenizer(checkpoints.find(str(copy)))
    assert plain.encode("A good film, found!").ids == whole.encode("A good film, found!").ids


def test_a_checkpoint_in_the_package_is_found_by_its_name(tiny_albert: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_albert, tmp_path / "feather-small")
    assert checkpoints.shipped(tmp_path) == ["feather-small"]
    assert checkpoints.find("feather-small", assets=tmp_path).shared_layers
    assert checkpoints.shipped(tmp_path / "nothing") == []
    assert checkpoints.ASSETS.is_dir()


def test_a_name_in_the_hub_cache_is_found_without_a_network(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789012345678901234567890123456789"
    place = tmp_path / "models--someone--tiny"
    shutil.copytree(tiny_bert, place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert checkpoints.find("someone/tiny", offline=True).width == 32
    assert checkpoints.find("someone/tiny").folder.name == commit


@pytest.mark.parametrize("name", ["albert-base-v2", "someone/nothing", "a b", "", "x" * 300])
def test_unknown_encoder_name_has_a_remedy(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "give a local folder" in refused(name)


def test_a_folder_that_is_not_there_is_named() -> None:
    assert "no such folder" in refused("./no/such/folder")


def test_a_folder_without_config_is_refused(tmp_path: Path) -> None:
    assert "no config.json" in refused(tmp_path)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"model_type": "bert"}', "\x00"])
def test_a_damaged_config_is_refused(text: str, copy: Path) -> None:
    (copy / "config.json").write_text(text)
    assert "config.json" in refused(copy)


def test_an_architecture_without_an_encoder_interface_is_refused(copy: Path) -> None:
    change(copy, model_type="gpt2")
    assert "'gpt2' has no encoder interface" in refused(copy)


def test_pickled_weights_are_refused_with_the_way_out(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert "save_pretrained" in refused(copy)


def test_a_checkpoint_without_weights_or_tokenizer_is_refused(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert "no model.safetensors" in refused(copy)
    (copy / "tokenizer.json").unlink()
    assert "no tokenizer" in refused(copy)


@pytest.mark.parametrize("keep", [0, 7, 100, 5000, -1])
def test_truncated_weights_are_refused_before_they_are_loaded(keep: int, copy: Path) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    assert "model.safetensors is damaged" in refused(copy)


def test_a_header_longer_than_any_is_refused(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    assert "is damaged" in refused(copy)


def test_weights_that_do_not_belong_to_the_config_are_refused(copy: Path) -> None:
    change(copy, intermediate_size=128)
    with pytest.raises(EncoderError, match=r"cannot be loaded|do not belong"):
        checkpoints.load_module(checkpoints.find(str(copy)))
    change(copy, intermediate_size=64, num_hidden_layers=6)
    with pytest.raises(EncoderError, match="do not belong"):
        checkpoints.load_module(checkpoints.find(str(copy)))


def test_a_damaged_or_foreign_tokenizer_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderError, match="tokenizer cannot be read"):
        checkpoints.load_tokenizer(checkpoints.find(str(copy)))


def test_tokenizer_larger_than_the_weights_is_refused(copy: Path, minilm: Path) -> None:
    shutil.copy(minilm / "tokenizer.json", copy)
    with pytest.raises(EncoderError, match="do not belong together"):
        checkpoints.load_tokenizer(checkpoints.find(str(copy)))


def without(folder: Path, into: Path, *names: str) -> Path:
    """A copy without some files."""
    return Path(shutil.copytree(folder, into, ignore=shutil.ignore_patterns(*names)))


MADE_OF = ("tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json")


@pytest.mark.parametrize("gone", [(), *((name,) for name in MADE_OF), MADE_OF[1:], (MADE_OF[0], *MADE_OF[2:])])
def test_tokenizer_files_of_any_kind_give_the_same_tokens(gone: tuple[str, ...], minilm: Path, tmp_path: Path) -> None:
    folder = without(minilm, tmp_path / "copy", *gone, "*.md")
    tokenizer = checkpoints.load_tokenizer(checkpoints.find(str(folder)))
    assert tokenizer.encode("Where is my Card?").tokens == ["[CLS]", "where", "is", "my", "card", "?", "[SEP]"]


def pieces_only(folder: Path, **files: str) -> Path:
    """Without its tokenizer, and with these files in its place."""
    (folder / "tokenizer.json").unlink()
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return folder


def nonsense(words: int) -> str:
    """A vocabulary of special tokens and words of no language."""
    return "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"x{i}x" for i in range(words))])


@pytest.mark.parametrize(
    ("kind", "files", "why"),
    [
        ("bert", {"spiece__model": "x"}, "its tokenizer has 5 tokens but its weights 160"),
        ("bert", {"vocab__json": '{"a": 0}', "merges__txt": ""}, "has 5 tokens but its weights 160"),
        ("bert", {"vocab__txt": ""}, "has no|vocab is not an object|cannot be read"),
        ("bert", {"vocab__txt": nonsense(150)},
         "hardly a word of any language"),
        ("bert", {"vocab__txt": nonsense(200)},
         "do not belong together"),
        ("albert", {"spiece__model": "x"}, "only with the package sentencepiece"),
        ("albert", {"vocab__txt": "a\nb"}, "has 5 tokens but its weights 160"),
        ("roberta", {"vocab__txt": "a\nb"}, "has 5 tokens but its weights 160"),
        ("xlm-roberta", {"vocab__txt": "a\nb"}, "has 5 tokens but its weights 160"),
    ],
)  # fmt: skip
def test_tokenizer_without_words_is_refused_with_its_folder(
    kind: str, files: dict[str, str], why: str, tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = pieces_only(Path(shutil.copytree(tiny(kind), tmp_path / "copy")), **files)
    with pytest.raises(EncoderError, match=why) as caught:
        checkpoints.load_tokenizer(checkpoints.find(str(folder)))
    assert f"into {folder}." in str(caught.value)


def test_do_lower_case_is_used_unless_words_become_unknown(minilm: Path, tmp_path: Path) -> None:
    folder = without(minilm, tmp_path / "copy", "tokenizer.json", "special_tokens_map.json")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true, "tokenizer_class": "BertTokenizer"}')
    checkpoints.load_tokenizer(checkpoints.find(str(folder)))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "tokenizer_class": "BertTokenizer"}')
    with pytest.raises(EncoderError, match="knows no capitals"):
        checkpoints.load_tokenizer(checkpoints.find(str(folder)))


def test_a_cased_vocabulary_keeps_its_capitals(tiny_bert: Path, tmp_path: Path) -> None:
    letters = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,?"]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Card", "card", *letters, *(f"##{sign}" for sign in letters)]
    folder = pieces_only(Path(shutil.copytree(tiny_bert, tmp_path / "copy")), vocab__txt="\n".join(words))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "tokenizer_class": "BertTokenizer"}')
    tokenizer = checkpoints.load_tokenizer(checkpoints.find(str(folder)))
    assert tokenizer.encode("Card card").tokens[1:-1] == ["Card", "card"]


def test_tokenizer_without_special_tokens_is_refused(copy: Path) -> None:
    data = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
    (copy / "tokenizer.json").write_text(json.dumps(data | {"post_processor": None}), encoding="utf-8")
    with pytest.raises(EncoderError, match="adds no special tokens"):
        checkpoints.load_tokenizer(checkpoints.find(str(copy)))


@pytest.mark.parametrize(
    "text", ["где моя карта? она должна была прийти три дня назад", "我的卡在哪里三天前就应该到了"]
)
def test_a_tokenizer_of_one_script_alone_will_do(text: str, copy: Path) -> None:
    data = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
    signs = dict.fromkeys(
        "где моя карта? она должна была прийти три дня назад никто не знает почему "
        "我的卡在哪里三天前就应该到了没有人知道为什么"
    )
    kept = {word: number for word, number in data["model"]["vocab"].items() if number < 5}
    pieces = [sign for sign in signs if sign.strip() and (sign > "\u2000") == (text[0] > "\u2000")]
    words = [*pieces, *(f"##{sign}" for sign in pieces), *(f"[unused{i}]" for i in range(30))]
    data["model"]["vocab"] = kept | {word: 5 + i for i, word in enumerate(dict.fromkeys(words))}
    (copy / "tokenizer.json").write_text(json.dumps(data), encoding="utf-8")
    assert 1 not in checkpoints.load_tokenizer(checkpoints.find(str(copy))).encode(text).ids


def test_weights_in_shards_are_read(copy: Path) -> None:
    import transformers

    transformers.AutoModel.from_pretrained(copy).save_pretrained(copy, max_shard_size="40KB")
    (copy / "model.safetensors").unlink(missing_ok=True)
    checkpoint = checkpoints.find(str(copy))
    assert sum(p.numel() for p in checkpoints.load_module(checkpoint).parameters()) > 1000
    next(copy.glob("model-00001*.safetensors")).unlink()
    assert "is missing" in refused(copy)


def test_fingerprint_depends_on_weights_and_not_on_the_path(copy: Path, tiny_bert: Path) -> None:
    before = checkpoints.find(str(copy)).fingerprint
    assert before == checkpoints.find(str(tiny_bert)).fingerprint
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-5] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    assert checkpoints.find(str(copy)).fingerprint != before


def test_finding_a_checkpoint_does_not_import_torch(tiny_bert: Path) -> None:
    code = (
        "import sys; from penna.encoders.checkpoints import find; find(sys.argv[1]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tiny_bert)], check=True)
