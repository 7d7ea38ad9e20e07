"""Encoders to pretrain: published sizes, shared layers, depths, and files that transformers loads whole."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers

from penna.encoders import checkpoints
from penna.encoders import config as configs
from penna.errors import EncoderError, SettingError
from penna.pretraining import architecture, network
from penna.pretraining.architecture import Shape, exits, shape

SHARES = [("albert", s) for s in ("all", "groups:2", "cycle:2", "attention", "none")]
SHARES += [("bert", s) for s in ("attention", "none")]
CLASSES = {
    "albert": (transformers.AlbertModel, transformers.AlbertForMaskedLM, transformers.AlbertForPreTraining),
    "bert": (transformers.BertModel, transformers.BertForMaskedLM, transformers.BertForPreTraining),
}


def small(arch: str, share: str | None = None) -> Shape:
    """Width 32, 4 layers, 60 tokens, 20 positions."""
    return replace(shape(arch, "tiny", share, layers=4, hidden=32, heads=4), vocab=60, positions=20)


def text(rows: int = 3, width: int = 9) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, types and a mask: the first row ends early."""
    ids = torch.randint(5, 60, (rows, width), generator=torch.Generator().manual_seed(0))
    mask = torch.ones(rows, width, dtype=torch.bool)
    mask[0, 5:] = False
    return ids, (torch.arange(width) > 4).long().expand(rows, width), mask


@pytest.mark.parametrize(
    ("arch", "size", "millions"),
    [("albert", "base", 12), ("albert", "large", 18), ("albert", "xlarge", 60), ("bert", "base", 110)],
)
def test_the_published_sizes_have_their_published_parameters(arch, size, millions):
    made = network.build(shape(arch, size), 0, seed=0, device="meta")
    assert sum(p.numel() for p in made.parameters()) == pytest.approx(millions * 1e6, rel=0.03)


def test_sharing_saves_parameters_in_the_order_of_the_paper():
    """Lan et al. 2020, table 4: all, attention, none; groups and cycles with equally many distinct layers are equal."""
    counts = {
        share: sum(p.numel() for p in network.build(small("albert", share), 0, seed=0, device="meta").parameters())
        for _, share in SHARES[:5]
    }
    assert counts["all"] < counts["groups:2"] == counts["cycle:2"] < counts["attention"] < counts["none"]


@pytest.mark.parametrize(("arch", "share"), SHARES)
def test_every_sharing_computes_what_the_library_computes(arch, share):
    made = network.build(small(arch, share), 0, seed=0).eval()
    ids, types, mask = text()
    with torch.no_grad():
        mine = made(ids, types, mask, (4,))[0].last
        theirs = made.model.base_model(ids, token_type_ids=types, attention_mask=mask.long()).last_hidden_state
    assert torch.allclose(mine[mask], theirs[mask], atol=1e-6)


@pytest.mark.parametrize(("arch", "share"), SHARES)
def test_what_is_written_loads_with_no_missing_weight(arch, share, tmp_path):
    made = network.build(small(arch, share), 0, seed=0).eval()
    network.write(made, tmp_path, (4,))
    ids, types, mask = text()
    with torch.no_grad(), checkpoints.silence():
        mine = made(ids, types, mask, (4,))[0].last
        for kind in CLASSES[arch]:
            loaded, found = kind.from_pretrained(tmp_path, output_loading_info=True)
            assert not found["missing_keys"]
            assert not found["mismatched_keys"]
            theirs = loaded.eval().base_model(ids, token_type_ids=types, attention_mask=mask.long()).last_hidden_state
            assert torch.allclose(mine[mask], theirs[mask], atol=1e-6)


def test_both_heads_compute_what_the_library_computes():
    for arch in ("albert", "bert"):
        made = network.build(small(arch), 0, seed=0).eval()
        ids, types, mask = text()
        with torch.no_grad():
            last = made(ids, types, mask, (4,))[0].last
            theirs = made.model(input_ids=ids, token_type_ids=types, attention_mask=mask.long())
            pairs = theirs.sop_logits if arch == "albert" else theirs.seq_relationship_logits
            assert torch.allclose(made.words(last)[mask], theirs.prediction_logits[mask], atol=1e-5)
            assert torch.allclose(made.pair(last), pairs, atol=1e-6)


def test_inner_exits_are_what_a_cut_encoder_computes(tmp_path, tiny: Callable[[str], Path]):
    made = network.build(small("albert", "cycle:2"), 0, seed=0).eval()
    network.write(made, tmp_path, (2, 4))
    (tmp_path / "tokenizer.json").write_bytes((tiny("albert") / "tokenizer.json").read_bytes())
    checkpoint = checkpoints.describe("mine", tmp_path)
    assert checkpoint.trained == (2, 4)
    ids, _, _ = text()
    with torch.no_grad():
        inner = made(ids, torch.zeros_like(ids), None, (2, 4))[0]
        cut = checkpoints.load_module(checkpoint, depth=2)(input_ids=ids).last_hidden_state
    assert inner.depth == 2
    assert torch.allclose(inner.last, cut, atol=1e-6)


def test_half_precision_halves_the_file_and_loads(tmp_path):
    made = network.build(small("bert"), 0, seed=0)
    for name, half in (("whole", False), ("half", True)):
        (tmp_path / name).mkdir()
        network.write(made, tmp_path / name, (4,), half)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    with checkpoints.silence():
        loaded = transformers.BertForPreTraining.from_pretrained(tmp_path / "half")
    kept, had = loaded.bert.pooler.dense.weight.float(), made.model.bert.pooler.dense.weight
    assert torch.allclose(kept, had, atol=1e-3)


def test_tied_attention_is_stored_as_one_copy_per_layer():
    made = network.build(small("bert", "attention"), 0, seed=0)
    first, second = made.parts.layers[:2]
    assert first.attention is second.attention
    names = network.state(made)
    assert "bert.encoder.layer.3.attention.self.query.weight" in names
    assert len(names) > len(list(made.named_parameters()))


@pytest.mark.parametrize(
    ("arch", "size", "share", "measures", "said"),
    [
        ("gpt", "base", None, {}, "choose one of albert, bert"),
        ("albert", "medium", None, {}, "choose one of tiny, mini"),
        ("albert", "base", "groups:5", {}, "does not divide 12 layers"),
        ("albert", "base", "cycle:0", {}, "does not divide"),
        ("albert", "base", "some", {}, "write all, groups:3"),
        ("bert", "base", "all", {}, "take none or attention"),
        ("bert", "base", None, {"embedding": 64}, "take --arch albert"),
        ("albert", "base", None, {"heads": 7}, "does not divide into 7 heads"),
        ("albert", "base", None, {"layers": 0}, "at least 1"),
    ],
)
def test_a_shape_that_cannot_be_is_one_clear_sentence(arch, size, share, measures, said):
    with pytest.raises(SettingError, match=said):
        shape(arch, size, share, **measures)


def test_depths_are_counted_as_applied_and_must_be_possible_cuts():
    assert exits(shape("albert", "base"), "3,6,12") == (3, 6, 12)
    assert exits(shape("bert", "base"), "4") == (4, 12)
    assert exits(shape("albert", "base", "cycle:3"), "9,3") == (3, 9, 12)
    for share, asked in (("cycle:3", "4"), ("groups:3", "2"), ("all", "13"), ("all", "0"), ("all", "three")):
        with pytest.raises(SettingError, match="depth"):
            exits(shape("albert", "base", share), asked)


def loaded(folder: Path, **asked: object) -> tuple[network.Network, list[str]]:
    checkpoint = checkpoints.describe("it", folder)
    have = architecture.of_config("it", configs.read("it", folder))
    wanted = {"arch": None, "size": None, "share": None, **asked}
    return network.load(checkpoint, architecture.agree("it", have, **wanted), dropout=0.0)


def test_a_checkpoint_without_heads_goes_on_with_new_heads(tiny: Callable[[str], Path]):
    for kind in ("albert", "bert"):
        made, missing = loaded(tiny(kind), arch=kind, layers=4, hidden=32)
        assert any("predictions" in name for name in missing)
        assert made.shape.layers == 4


def test_a_checkpoint_of_another_shape_is_refused(tiny: Callable[[str], Path]):
    for asked in ({"layers": 6}, {"size": "base"}, {"hidden": 64, "heads": 4}, {"share": "none"}, {"arch": "bert"}):
        with pytest.raises(EncoderError, match="leave"):
            loaded(tiny("albert"), **asked)
    with pytest.raises(EncoderError, match="do not share their attention"):
        loaded(tiny("bert"), share="attention")
    with pytest.raises(EncoderError, match="continues only from ALBERT and BERT"):
        loaded(tiny("electra"))


def test_a_real_checkpoint_goes_on_as_it_is(minilm: Path):
    made, missing = loaded(minilm)
    assert made.shape.layers == 6
    assert all(name.startswith("cls.") for name in missing)
