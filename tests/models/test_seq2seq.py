"""Translation from scratch: what is written says what torch says, always ends, and learns what can be learned."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from penna.budget import OutOfTime
from penna.data import ragged
from penna.data.output_kind import OutputKind
from penna.data.table import Table
from penna.encoders import subword_tokenizer
from penna.errors import BundleError, EncoderError
from penna.export.onnx import seq2seq_export
from penna.models.base import Reads
from penna.models.seq2seq import family as seq2seq
from penna.onnx_graphs.translator_config import Facts
from penna.runtime import onnx_translator
from penna.runtime.onnx_translator import Translator, limit_of
from penna.search.recipe import DatasetProfile, Recipe
from penna.tasks import translation
from penna.testing import make_resources, make_table

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

SAID = {
    "red": "rot", "blue": "blau", "green": "grün", "cat": "Katze",
    "dog": "Hund", "house": "Haus", "runs": "läuft", "sleeps": "schläft",
}  # fmt: skip
PROFILE = DatasetProfile(1300, 1, 1, 20.0, seconds=60, output_kind=OutputKind.TEXT)
SMALL = Recipe.of("seq2seq", width=64, layers=1, decoder_layers=1, pieces=60, epochs=12.0, tokens=512, lr=3e-3,
                  dropout=0.0, beams=2, average=2, pairs="keep")  # fmt: skip


def backwards(count, seed=0):
    """Rows of words, and their names in another language in the order turned round."""
    chance = random.Random(seed)
    rows = [[chance.choice(list(SAID)) for _ in range(chance.randint(1, 4))] for _ in range(count)]
    said = [" ".join(SAID[word] for word in reversed(row)) for row in rows]
    return make_table([" ".join(row) for row in rows], said, column="en", target_name="de")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learnt")
    train, valid = backwards(1300), backwards(60, seed=1)
    fitted = seq2seq.fit(SMALL, translation.from_table(train), train, valid, make_resources(folder), lambda *_: True)
    (folder / "model").mkdir()
    fitted.save(folder / "model")
    return fitted, folder / "model", valid


def made(folder, share, joint, tied=True, beams=1):
    """A random network with large weights, written; the network, its tokenizer and the written translator."""
    import torch

    from penna.networks import encoder_decoder as networks

    texts = [*backwards(100).text["en"], *backwards(100).target]
    pieces = subword_tokenizer.learn(texts, 70)
    size = pieces.get_vocab_size()
    shape = networks.Shape(64, 2, 2, share, share, tied, joint, size, size, 24, 40)
    network = networks.build(shape, None, 0.1, 0).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    facts = Facts(24, 40, 2, 1, 64, 0, beams)
    same = seq2seq_export.write(network.model, folder, pieces, None if joint else pieces, facts, texts[:20])
    return network, pieces, Translator.open(folder, threads=1), same


@pytest.mark.parametrize(
    ("share", "joint", "tied"), [(True, True, True), (False, False, True), (True, False, False), (False, True, False)]
)
def test_exported_translator_equals_generate(share, joint, tied, tmp_path):
    import torch

    from penna.networks import encoder_decoder as networks

    network, pieces, written, same = made(tmp_path, share, joint, tied)
    assert same == written.facts.same == 1
    whole, texts = networks.unshared(network), backwards(6).text["en"].tolist()
    for text, said in zip(texts, written.tokens(texts), strict=True):
        ids = torch.tensor([pieces.encode(text).ids])
        most = limit_of(ids.shape[1], written.facts)
        settings = {"max_new_tokens": most, "do_sample": False, "decoder_start_token_id": subword_tokenizer.BEGIN,
                    "eos_token_id": subword_tokenizer.END, "pad_token_id": subword_tokenizer.PAD}  # fmt: skip
        expected = whole.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **settings)[0, 1:].tolist()
        assert said == (
            expected[: expected.index(subword_tokenizer.END)] if subword_tokenizer.END in expected else expected
        )


def test_shared_layers_and_words_are_stored_once(tmp_path):
    made(tmp_path / "shared", True, True)
    made(tmp_path / "apart", False, False)
    sizes = [sum(p.stat().st_size for p in (tmp_path / name).iterdir()) for name in ("shared", "apart")]
    assert sizes[0] < 0.65 * sizes[1]


def test_batch_equals_single_texts(tmp_path):
    for beams in (1, 3):
        _, _, written, _ = made(tmp_path / str(beams), True, True, beams=beams)
        texts = backwards(12).text["en"].tolist()
        assert written.translate(texts) == [written.translate([text])[0] for text in texts]


def test_any_text_gets_an_answer_that_ends(tmp_path):
    _, _, written, _ = made(tmp_path, True, True, beams=2)
    odd = ["", "  \n", "\ud800", "我很好。" * 100, "🙂" * 300, "red cat " * 2500, "x" * 5000]
    said = written.translate(odd)
    assert said[:2] == ["", ""]
    assert all(isinstance(text, str) for text in said)
    parts = list(written._parts("red cat. " * 500))
    assert "".join(parts) == "red cat. " * 500
    assert all(len(written.source.encode(part).ids) <= written.facts.length for part in parts)
    assert all(part.rstrip().endswith(".") for part in parts)
    for unspaced in ("redcat" * 500, "cat。" * 300, "sleepsblue狗" * 200):
        parts = list(written._parts(unspaced))
        assert "".join(parts) == unspaced
        assert all(len(written.source.encode(part).ids) <= written.facts.length for part in parts)


def test_more_beams_than_pieces_find_an_answer(tmp_path):
    _, _, written, _ = made(tmp_path, True, True, beams=40)
    assert written.target.get_vocab_size() < 80
    assert all(isinstance(text, str) for text in written.translate(["red cat", "dog"]))


def test_layers_are_shared_on_the_side_of_the_recipe():
    train = backwards(120)
    sizes = {}
    for sharing in ("all", "encoder", "decoder", "none"):
        chosen = seq2seq.settings(SMALL.replace(sharing=sharing, layers=2, decoder_layers=2))
        words = seq2seq.parts.words_of(chosen, train)
        network = seq2seq.parts.build(chosen, words, (16, 16), 0)
        sizes[sharing] = sum(p.numel() for p in network.parameters())
    assert sizes["all"] < sizes["encoder"] < sizes["none"]
    assert sizes["all"] < sizes["decoder"] < sizes["none"]
    assert sizes["encoder"] > sizes["decoder"]  # a decoder's layer looks across, too


@pytest.mark.parametrize(("width", "heads"), [(32, 1), (64, 1), (200, 2), (312, 4), (384, 6)])
def test_heads_go_into_any_width(width, heads):
    from penna.networks.encoder_decoder import Shape

    assert Shape(width, 1, 1, True, True, True, True, 9, 9, 8, 8).heads == heads


def test_texts_that_are_all_too_long_are_refused_in_one_sentence(tmp_path):
    train = backwards(40)
    train.text["en"][:] = "red cat " * 600
    with pytest.raises(EncoderError, match="no row is short enough"):
        seq2seq.cost(SMALL, PROFILE, train, make_resources(tmp_path))
    with pytest.raises(EncoderError, match="no row is short enough"):
        seq2seq.fit(SMALL, translation.from_table(train), train, None, make_resources(tmp_path), lambda *_: True)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (onnx_translator.FACTS, b'{"format": 1}', "damaged"),
        (onnx_translator.FACTS, b'{"format": 99}', "update penna"),
        (onnx_translator.ONCE, b"nothing", "not a graph that Penna wrote"),
        (onnx_translator.STEP, b"", "not a graph that Penna wrote"),
        (onnx_translator.SOURCE, b"{}", "not a tokenizer that Penna wrote"),
        (onnx_translator.WORDS, None, "lacks the weights words"),
    ],
)
def test_damaged_artifact_is_refused(name, content, says, tmp_path):
    made(tmp_path, True, True)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError, match=says):
        seq2seq.load(tmp_path)


@pytest.mark.parametrize("name", [onnx_translator.ONCE, onnx_translator.STEP])
@pytest.mark.parametrize("change", ["operator", "constant", "memory", "words", "nan"])
def test_graphs_that_penna_did_not_write_are_refused(name, change, tmp_path):
    import onnx

    made(tmp_path, True, True)
    model = onnx.load(tmp_path / name)
    whole = next(w for w in model.graph.initializer if w.name.startswith("whole_"))
    if change == "operator":
        model.graph.node[-1].op_type = "Exp"
    elif change == "constant":
        whole.raw_data = (1 << 40).to_bytes(8, "little") * (len(whole.raw_data) // 8)
    elif change == "memory":
        model.graph.node.append(onnx.helper.make_node("Expand", ["ids", whole.name], ["huge"]))
    elif change == "words":
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((70, 64), np.float32), "words"))
    else:
        weights = next(w for w in model.graph.initializer if w.name == "layer_0.qkv.bias")
        weights.raw_data = b"\xff" * len(weights.raw_data)
    onnx.save(model, tmp_path / name)
    with pytest.raises(BundleError, match="not a graph that Penna wrote"):
        Translator.open(tmp_path)


@pytest.mark.parametrize("change", [{"depth": 3}, {"heads": 2, "size": 32}, {"target_length": 41}, {"length": 25}])
def test_stored_facts_of_translators_must_match_their_graphs(change, tmp_path):
    made(tmp_path, True, True)
    facts = json.loads((tmp_path / onnx_translator.FACTS).read_text())
    (tmp_path / onnx_translator.FACTS).write_text(json.dumps(facts | change))
    with pytest.raises(BundleError, match="not a graph that Penna wrote"):
        Translator.open(tmp_path)


def test_graph_of_another_model_is_refused(tmp_path):
    import torch

    network, pieces, _, _ = made(tmp_path / "one", True, True)
    other, _, _, _ = made(tmp_path / "two", True, True)
    with torch.no_grad():
        other.model.decoder.bert.embeddings.position_embeddings.weight.mul_(-3)
    judged = type("Judge", (), {})  # reads the one, is compared with the other
    judged.encoder, judged.decoder = network.model.encoder, network.model.decoder
    judge = judged()
    judge.__class__.__call__ = lambda self, **inputs: other.model(**inputs)
    with pytest.raises(BundleError, match="nothing was written"):
        seq2seq_export.write(judge, tmp_path / "three", pieces, None, Facts(24, 40, 2, 1, 64, 0), list(SAID))
    assert not list((tmp_path / "three").glob("*.onnx"))


def test_words_and_their_order_are_learned(learnt):
    fitted, _, valid = learnt
    task = translation.from_table(valid)
    score = task.score(task.encode(valid), fitted.outputs(valid))
    assert score > 45


def test_saved_model_translates_the_same_without_torch(learnt):
    fitted, folder, valid = learnt
    said = seq2seq.load(folder).translator.translate(valid.text["en"].tolist())
    assert said == translation.from_table(valid).decode(fitted.outputs(valid)).tolist()
    code = (
        "import sys; from pathlib import Path; from penna.models.seq2seq import family as seq2seq\n"
        f"print(seq2seq.load(Path({str(folder)!r})).translator.translate(['red cat'])[0])\n"
        "assert not {'torch', 'transformers', 'onnx'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == seq2seq.load(folder).translator.translate(["red cat"])[0]


def test_a_copy_of_what_was_opened_is_the_same(learnt, tmp_path):
    _, folder, _ = learnt
    seq2seq.load(folder).save(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_the_checkpoint_is_one_of_transformers(learnt, tmp_path):
    import torch
    import transformers

    from penna.encoders.checkpoints import silence

    fitted, folder, _ = learnt
    fitted.save_checkpoint(tmp_path)
    with silence():
        whole = transformers.EncoderDecoderModel.from_pretrained(tmp_path).eval()
    served = Translator.open(folder, beams=1)
    ids = torch.tensor([served.source.encode("red cat sleeps").ids])
    said = whole.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
    assert served.source.decode(said[0].tolist()) == served.translate(["red cat sleeps"])[0]


def test_same_seed_gives_the_same_model(tmp_path):
    train = backwards(200)
    quick = SMALL.replace(epochs=1.0)
    fits = [
        seq2seq.fit(quick, translation.from_table(train), train, None, make_resources(tmp_path), lambda *_: True)
        for _ in "ab"
    ]
    assert fits[0].outcome.steps == fits[1].outcome.steps > 5
    a, b = (dict(fit.network.named_parameters()) for fit in fits)
    assert all(np.array_equal(a[name].detach(), b[name].detach()) for name in a)


def test_long_rows_are_reported_and_read_in_parts(tmp_path):
    train = backwards(120)
    train.text["en"][:6] = "red cat " * 30
    fitted = seq2seq.fit(
        SMALL.replace(epochs=1.0, length=16),
        translation.from_table(train),
        train,
        None,
        make_resources(tmp_path),
        lambda *_: True,
    )
    assert isinstance(fitted, Reads)
    assert (fitted.length, fitted.windows) == (16, 4)
    assert 0.05 <= fitted.long_share < 0.3
    (tmp_path / "model").mkdir()
    fitted.save(tmp_path / "model")
    opened = seq2seq.load(tmp_path / "model")
    assert isinstance(opened, Reads)
    assert opened.long_share == fitted.long_share


def test_no_time_raises(tmp_path):
    train = backwards(400)
    with pytest.raises(OutOfTime, match="too few"):
        seq2seq.fit(
            SMALL.replace(epochs=50.0),
            translation.from_table(train),
            train,
            None,
            make_resources(tmp_path, 0.0),
            lambda *_: True,
        )


def test_a_checkpoint_can_read(tiny_bert: Path, tmp_path):
    train = backwards(120)
    recipe = SMALL.replace(encoder=str(tiny_bert), vocabulary="separate", epochs=1.0, encoder_lr=0.1)
    fitted = seq2seq.fit(recipe, translation.from_table(train), train, None, make_resources(tmp_path), lambda *_: True)
    (tmp_path / "model").mkdir()
    fitted.save(tmp_path / "model")
    opened = seq2seq.load(tmp_path / "model")
    texts = Table({"en": ragged.objects(["red cat", "", "a dog"])})
    task = translation.from_table(train)
    assert task.decode(opened.outputs(texts)).tolist() == task.decode(fitted.outputs(texts)).tolist()
    assert json.loads((tmp_path / "model" / onnx_translator.FACTS).read_text())["space"] == " "


def test_cost_is_predicted_and_shrinks_to_what_there_is(tmp_path):
    train = backwards(600)
    room = make_resources(tmp_path)
    whole = seq2seq.cost(SMALL.replace(epochs=200.0), PROFILE, train, room)
    assert whole.seconds > 5
    smaller = seq2seq.shrink(SMALL.replace(epochs=200.0), PROFILE, train, room, 0.6 * whole.seconds)
    assert smaller.fidelity < 1
    assert seq2seq.cost(smaller, PROFILE, train, room).seconds <= 0.6 * whole.seconds
    assert seq2seq.shrink(SMALL, PROFILE, train, room, 0.01) is None


def test_every_recipe_has_a_full_description():
    for recipe in seq2seq.portfolio(PROFILE):
        assert recipe.hyperparameters == tuple(sorted(recipe.hyperparameters))
    assert seq2seq.portfolio(DatasetProfile(1300, 2, 1, 20.0)) == []
    names = [hyperparameter.name for hyperparameter in seq2seq.search_space(PROFILE)]
    assert len(names) == len(set(names))
