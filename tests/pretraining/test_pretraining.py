"""Pretraining, whole: a small corpus in, an encoder out; stopped, killed, gone on with, and by two processes."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from typer.testing import CliRunner, Result

from penna.cli import app
from penna.encoders import checkpoints
from penna.errors import EncoderError, MissingExtra, PennaError, RunError, SettingError
from penna.pretraining import (
    architecture,
    atomic_files,
    compile_probe,
    flops,
    logging,
    network,
    pretrain,
    run,
    setup,
    training_state,
)
from penna.pretraining.distributed import World
from penna.pretraining.request import Outcome, PretrainRequest
from penna.pretraining.run_folder import Folder
from penna.pretraining.schedule import Clock, Exits
from penna.pretraining.settings import RENAMED, Settings, check, going_on, option
from penna.training import precision

#: Its fixtures are whole fits.
pytestmark = pytest.mark.slow

TINY = {
    "size": "tiny",
    "layers": 2,
    "hidden_size": 32,
    "heads": 4,
    "embedding_size": 16,
    "max_seq_length": 32,
    "batch_tokens": 512,
}
FAST = {**TINY, "dtype": "float32", "threads": 1, "seed": 3, "log_steps": 1}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred documents of six sentences, of which the first two words tell the third."""
    draw = np.random.default_rng(0)
    pairs = {"the": "film", "a": "card", "my": "money", "your": "story"}
    file = tmp_path_factory.mktemp("corpus") / "tiny.jsonl"
    with file.open("w", encoding="utf-8") as stream:
        for _ in range(100):
            said = []
            for _ in range(6):
                first = str(draw.choice(list(pairs)))
                said.append(f"{first.capitalize()} {draw.choice(['good', 'bad'])} {pairs[first]} is lost.")
            stream.write(json.dumps({"text": " ".join(said)}) + "\n")
    return file


@pytest.fixture(scope="module")
def folder(tiny: Callable[[str], Path]) -> str:
    """A folder with a tokenizer."""
    return str(tiny("bert"))


@pytest.fixture(scope="module")
def trained(corpus: Path, folder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of 120 steps of mlm and sop at two depths."""
    out = tmp_path_factory.mktemp("run") / "enc"
    made = pretrain(
        corpus,
        out,
        objectives="mlm,sop:0.5",
        steps=120,
        tokenizer=folder,
        depths="1",
        lr=5e-3,
        mask_rate="0.3:0.15",
        **FAST,
    )
    assert made.why == "done"
    return out


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def weights(out: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(out / "encoder" / "model.safetensors")


def penna(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def options(**given: object) -> list[str]:
    return [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))]


def test_training_learns(trained):
    log = lines(trained)
    assert len(log) == 120
    assert log[-1]["mlm"] < 0.75 * log[0]["mlm"]
    assert log[-1]["mlm accuracy"] > log[0]["mlm accuracy"] + 0.1


def test_log_lines_have_loss_speed_and_cost(trained):
    said = lines(trained)[-1]
    for name in (
        "loss",
        "mlm",
        "mlm accuracy",
        "sop",
        "sop accuracy",
        "mlm@1",
        "tokens",
        "tokens_per_second",
        "mfu",
        "lr",
    ):
        assert isinstance(said[name], int | float)
    assert 0 < said["mfu"] < 1.5
    assert said["progress"] == 1.0
    assert "tokens/s" in logging.sentence(said)


def test_the_encoder_is_a_checkpoint_like_any_other(trained):
    found = checkpoints.find(str(trained / "encoder"))
    assert (found.layers, found.width, found.trained) == (2, 32, (1, 2))
    assert checkpoints.load_tokenizer(found).encode("the good film").ids
    with checkpoints.silence():
        loaded, info = transformers.AlbertForMaskedLM.from_pretrained(trained / "encoder", output_loading_info=True)
    assert not info["missing_keys"]
    assert loaded.config.penna_depths == [1, 2]


def test_card_describes_the_sources(trained, corpus):
    card = (trained / "encoder" / "README.md").read_text(encoding="utf-8")
    for part in ("mlm,sop:0.5", str(corpus), "Limits", "first 1, 2 layers", "Not stated", "mlm accuracy"):
        assert part in card


def test_a_finished_run_is_left_as_it_is(trained, corpus, folder):
    before = weights(trained)
    again = pretrain(
        corpus,
        trained,
        objectives="mlm,sop:0.5",
        steps=120,
        tokenizer=folder,
        depths="1",
        lr=5e-3,
        mask_rate="0.3:0.15",
        **FAST,
    )
    assert (again.why, again.steps) == ("done", 120)
    assert again.measures == logging.closing(trained / "log.jsonl")
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(trained).items())


def test_other_settings_are_refused_and_resume_allows_some(trained, corpus, folder):
    same = {
        "objectives": "mlm,sop:0.5",
        "tokenizer": folder,
        "depths": "1",
        "lr": 5e-3,
        "mask_rate": "0.3:0.15",
        **FAST,
    }
    with pytest.raises(RunError, match=r"begun with --steps 120, not 130.*--resume"):
        pretrain(corpus, trained, steps=130, **same)
    with pytest.raises(RunError, match=r"--hidden-size 32, not 48: give another --out\."):
        pretrain(corpus, trained, steps=120, resume=True, **same | {"hidden_size": 48})
    longer = pretrain(corpus, trained, steps=122, resume=True)
    assert longer.steps == 122


def test_half_precision_and_float32_are_the_same_weights(corpus, folder, tmp_path):
    made = pretrain(corpus, tmp_path / "half", steps=2, tokenizer=folder, fp16=True, **FAST)
    assert weights(tmp_path / "half")["albert.pooler.weight"].dtype == torch.float16
    assert checkpoints.find(str(made.encoder)).layers == 2


SCRIPT = """
import json, sys
from penna.pretraining import pretrain
given = json.loads(sys.argv[1])
class Ready:
    def event(self, kind, **data):
        if kind == "line":
            print("step", data["step"], flush=True)
if __name__ == "__main__":
    pretrain(progress=Ready(), **given)
"""


def started(given: dict[str, object], **environment: str) -> "subprocess.Popen[str]":
    """A pretraining in a process of its own, which says each step."""
    plain = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", **environment}
    command = [sys.executable, "-c", SCRIPT, json.dumps(given)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=plain)


def until(process: "subprocess.Popen[str]", said: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == said:
            return
    raise AssertionError(process.stderr.read() if process.stderr else "it ended")


def test_a_killed_run_goes_on_and_reaches_the_same_loss(corpus, folder, tmp_path):
    given = {
        "steps": 40,
        "tokenizer": folder,
        "objectives": "mlm,sop",
        "save_steps": 10,
        "dropout": 0.1,
        "depths": "1",
        **FAST,
    }
    pretrain(corpus, tmp_path / "whole", **given)
    process = started({"corpus": str(corpus), "out": str(tmp_path / "cut"), **given})
    until(process, "step 25")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(lines(tmp_path / "cut")) < 40
    pretrain(corpus, tmp_path / "cut", **given)
    whole, cut = lines(tmp_path / "whole"), lines(tmp_path / "cut")
    assert [line["step"] for line in cut] == list(range(1, 41))
    assert cut[-1]["loss"] == pytest.approx(whole[-1]["loss"], abs=1e-5)
    assert cut[-1]["tokens"] == whole[-1]["tokens"]
    for name, tensor in weights(tmp_path / "whole").items():
        assert torch.allclose(tensor, weights(tmp_path / "cut")[name], atol=1e-5)
    assert len(list((tmp_path / "cut" / "state").iterdir())) == 2


def test_interrupt_writes_the_current_encoder(corpus, folder, tmp_path):
    out = tmp_path / "enc"

    def interrupt() -> None:
        while not ((out / "log.jsonl").is_file() and len(lines(out)) > 3):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    result = penna("pretrain", corpus, "--out", out, *options(steps=100_000, tokenizer=folder, **FAST))
    assert result.exit_code == 130
    assert "the same command goes on" in result.stderr
    assert checkpoints.find(str(out / "encoder")).layers == 2
    assert training_state.newest(out / "state").step == lines(out)[-1]["step"]


def test_two_processes_match_one_with_twice_the_batch(corpus, folder, tmp_path, monkeypatch):
    given = {"steps": 8, "tokenizer": folder, "objectives": "mlm,sop", "depths": "1", **FAST}
    pretrain(corpus, tmp_path / "one", gradient_accumulation_steps=2, **given)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    other = started({"corpus": str(corpus), "out": str(tmp_path / "two"), **given}, RANK="1", LOCAL_RANK="1", **place)
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", **place}.items():
        monkeypatch.setenv(name, value)
    pretrain(corpus, tmp_path / "two", **given)
    _, said = other.communicate(timeout=300)
    assert other.returncode == 0, said
    one, two = lines(tmp_path / "one"), lines(tmp_path / "two")
    assert [line["loss"] for line in two] == pytest.approx([line["loss"] for line in one], abs=1e-4)
    assert [line["tokens"] for line in two] == [line["tokens"] for line in one]


def within(seconds: float, corpus: Path, folder: str, out: Path) -> Outcome:
    """A run with a budget. The public function takes no budget as short as a test's."""
    asked = Settings(budget=seconds, tokenizer=folder, **FAST)
    order = PretrainRequest([corpus], (str(corpus),), Folder(out), asked, False, time.monotonic())
    return run.whole(order, World(), lambda kind, **data: None)


def test_a_budget_holds_and_counts_earlier_runs(corpus, folder, tmp_path):
    made = within(2.0, corpus, folder, tmp_path / "enc")
    assert made.why == "done"
    rates = [line["lr"] for line in lines(tmp_path / "enc")]
    assert rates[-1] < max(rates)  # on its way to zero
    again = within(2.0, corpus, folder, tmp_path / "enc")
    assert again.steps <= made.steps + 1


def test_a_trained_vocabulary_is_kept_and_found_again(corpus, tmp_path):
    for arch, steps in (("albert", 1), ("bert", 1)):
        shape = {k: v for k, v in FAST.items() if k != "embedding_size"}
        given = {"arch": arch, "vocab_size": 40, "steps": steps, **shape}
        first = pretrain(corpus, tmp_path / arch, **given)
        pretrain(corpus, tmp_path / arch, **given)
        assert (tmp_path / arch / "tokenizer" / "tokenizer.json").is_file()
        assert checkpoints.find(str(first.encoder)).vocabulary == 40


def test_a_checkpoint_goes_on_with_its_own_tokenizer(corpus, tiny, tmp_path):
    given = {
        k: v
        for k, v in FAST.items()
        if k in ("dtype", "threads", "seed", "log_steps", "max_seq_length", "batch_tokens")
    }
    told: list[str] = []

    class Heard:
        def event(self, kind: str, **data: object) -> None:
            told.append(str(data.get("message", "")))

    for kind, other in (("bert", "nsp"), ("albert", "sop")):
        before = checkpoints.find(str(tiny(kind)))
        made = pretrain(
            corpus,
            tmp_path / kind,
            from_=str(tiny(kind)),
            objectives=f"mlm,{other}",
            steps=2,
            progress=Heard(),
            **given,
        )
        after = checkpoints.find(str(made.encoder))
        assert (after.kind, after.width, after.layers, after.max_length) == (kind, 32, 4, 64)
        assert checkpoints.load_tokenizer(after).get_vocab() == checkpoints.load_tokenizer(before).get_vocab()
    assert any("start with random weights" in message for message in told)


def test_distilling_with_words_and_order_works_whole(corpus, tiny, tmp_path):
    made = pretrain(
        corpus, tmp_path / "enc", objectives="mlm,distil:2", teacher=str(tiny("bert")), tokenizer=str(tiny("bert")),
        depths="1", exit_training="single", steps=6, **FAST,
    )  # fmt: skip
    assert {"distil cosine", "distil token cosine"} <= {
        n.split("@")[0] for line in lines(tmp_path / "enc") for n in line
    }
    assert made.steps == 6


def test_tied_attention_stays_tied_over_a_restart(corpus, folder, tmp_path):
    given = {"layer_sharing": "attention", "tokenizer": folder, **FAST}
    for steps in (2, 4):
        pretrain(corpus, tmp_path / "enc", steps=steps, resume=steps > 2, **given)
    layers = "albert.encoder.albert_layer_groups.{}.albert_layers.0.{}.weight"
    kept = weights(tmp_path / "enc")
    assert torch.equal(*(kept[layers.format(n, "attention.query")] for n in (0, 1)))
    assert not torch.equal(*(kept[layers.format(n, "ffn")] for n in (0, 1)))


def test_training_may_use_the_bfloat16_of_the_machine(corpus, folder, tmp_path):
    made = pretrain(corpus, tmp_path / "enc", steps=2, tokenizer=folder, **FAST | {"dtype": "bfloat16"})
    assert np.isfinite(made.measures["mlm"])


BAD = [
    ({"steps": None}, "say how long to train"),
    ({"objectives": "sop,nsp"}, "take one of the two"),
    ({"objectives": "rtd"}, "there is no 'rtd'"),
    ({"objectives": "distil"}, "give --teacher"),
    ({"teacher": "x"}, "add it to --objectives"),
    ({"mask_rate": "2"}, "write a share like 0.15"),
    ({"max_seq_length": 4}, "--max-seq-length 4 cannot be"),
    ({"batch_tokens": 16}, "less than --max-seq-length"),
    ({"schedule": "square"}, "linear or cosine"),
    ({"max_position_embeddings": 16}, "less than --max-seq-length"),
    ({"size": "giant"}, "choose one of tiny"),
    ({"layer_sharing": "none", "arch": "bert", "embedding_size": 8}, "take --arch albert"),
    ({"depths": "9"}, "can be cut at depth 1, 2"),
    ({"from_": "/nowhere"}, "there is no such folder"),
    ({"tokenizer": "/nowhere"}, "nowhere"),
    ({"licenses": "/nowhere"}, "give a text file"),
    ({"teacher": "/nowhere", "objectives": "distil"}, "there is no such folder"),
    ({"lr": 0.0}, "--lr 0 cannot be"),
    ({"lr": "fast"}, "give a number"),
    ({"depths": [1, 2]}, "give a text"),
    ({"layers": True}, "give a whole number"),
    ({"speed": 3}, "no option 'speed'"),
    ({"budget": "soon"}, "is not a duration"),
    ({"vocab_size": 9000, "tokenizer": None}, "9000"),
]


@pytest.mark.parametrize(("given", "said"), BAD)
def test_wrong_request_is_one_sentence_and_writes_nothing(given, said, corpus, folder, tmp_path):
    with pytest.raises(PennaError, match=said) as caught:
        pretrain(corpus, tmp_path / "enc", **{"steps": 2, "tokenizer": folder, **FAST, **given})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "enc").exists()


def test_command_line_has_the_same_message_and_exit_code_2(corpus, folder, tmp_path):
    result = penna("pretrain", corpus, "--out", tmp_path / "enc", *options(objectives="sop,nsp", steps=2))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    done = penna("pretrain", corpus, "--out", tmp_path / "enc", *options(steps=2, tokenizer=folder, **FAST))
    assert done.exit_code == 0, done.output
    assert "Pretrained" in done.stdout
    assert "tokens/s" in done.stderr


def test_documents_of_one_sentence_have_nothing_to_order(folder, tmp_path):
    file = tmp_path / "single.jsonl"
    alone = [json.dumps({"text": "The good film is lost."})] * 40
    file.write_text("\n".join(alone), encoding="utf-8")
    with pytest.raises(SettingError, match="nothing to order"):
        pretrain(file, tmp_path / "enc", objectives="mlm,sop", steps=1, tokenizer=folder, **FAST)
    mixed = json.dumps({"text": "The good film is lost. The bad card is lost."})
    file.write_text("\n".join([*alone, mixed]), encoding="utf-8")
    assert pretrain(file, tmp_path / "two", objectives="mlm,sop", steps=1, tokenizer=folder, **FAST).steps == 1


def test_a_tokenizer_of_another_checkpoint_is_refused(corpus, tiny, minilm, tmp_path):
    with pytest.raises(EncoderError, match="does not belong to the encoder"):
        pretrain(corpus, tmp_path / "enc", from_=str(tiny("bert")), tokenizer=str(minilm), steps=1, max_seq_length=32)
    with pytest.raises(EncoderError, match="reads 64 tokens at most"):
        pretrain(corpus, tmp_path / "enc", from_=str(tiny("bert")), steps=1, max_seq_length=128)


def test_a_folder_of_something_else_is_left_alone(corpus, tmp_path):
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(RunError, match="not a pretraining run of Penna"):
        pretrain(corpus, tmp_path, steps=1)
    with pytest.raises(RunError, match="no pretraining run to resume"):
        pretrain(corpus, tmp_path / "new", steps=1, resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_another_corpus_is_refused(trained, tmp_path):
    (tmp_path / "other.txt").write_text("The good film. The bad film.", encoding="utf-8")
    with pytest.raises(RunError, match="another corpus"):
        pretrain(tmp_path / "other.txt", trained, steps=130, resume=True)


def test_a_damaged_state_is_one_clear_sentence(trained, corpus, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    newest = sorted((copy / "state").iterdir())[-1]
    (newest / "weights.safetensors").write_bytes(b"short")
    with pytest.raises(RunError, match=r"remove .* to continue from the state before it"):
        pretrain(corpus, copy, steps=125, resume=True)
    (newest / "state.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match="is damaged"):
        pretrain(corpus, copy, steps=125, resume=True)


def test_a_folder_is_there_whole_or_as_it_was(tmp_path):
    place = tmp_path / "encoder"
    atomic_files.whole(place, lambda new: (new / "a").write_text("1") and None)

    def full(new: Path) -> None:
        (new / "a").write_text("2")
        raise OSError(28, "No space left on device", str(new))

    with pytest.raises(RunError, match="no space is left"):
        atomic_files.whole(place, full)
    assert [(p.name, p.read_text()) for p in place.iterdir()] == [("a", "1")]
    assert [p.name for p in tmp_path.iterdir()] == ["encoder"]


def test_too_small_disk_is_refused_before_the_run(tmp_path):
    with pytest.raises(RunError, match="are free"):
        training_state.check_room(tmp_path / "enc", 10**15)
    assert not (tmp_path / "enc").exists()


def test_missing_tensorboard_names_its_extra(corpus, folder, tmp_path):
    given = {"steps": 2, "tokenizer": folder, "tensorboard": True, **FAST}
    if importlib.util.find_spec("tensorboard") is None:
        with pytest.raises(MissingExtra, match="pip install"):
            pretrain(corpus, tmp_path / "enc", **given)
        assert not (tmp_path / "enc").exists()
    else:
        pretrain(corpus, tmp_path / "enc", **given)
        assert any((tmp_path / "enc" / "board").iterdir())


def test_a_loss_that_is_no_number_keeps_the_last_good_state(corpus, tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny("albert"), tmp_path / "bad")
    file = tmp_path / "bad" / "model.safetensors"
    poisoned = load_file(file)
    poisoned["pooler.weight"][0, 0] = float("nan")
    save_file(poisoned, file, metadata={"format": "pt"})
    with pytest.raises(SettingError, match="lower --lr"):
        pretrain(
            corpus,
            tmp_path / "enc",
            from_=str(tmp_path / "bad"),
            objectives="sop",
            steps=5,
            max_seq_length=32,
            threads=1,
        )
    assert training_state.newest(tmp_path / "enc" / "state").step == 0


def test_a_budget_that_reading_uses_up_is_one_clear_sentence(corpus, folder, tmp_path):
    with pytest.raises(SettingError, match="over before the first step"):
        within(0.001, corpus, folder, tmp_path / "enc")


def test_the_flops_of_a_pass_are_those_of_its_products():
    """Against torch's own counter, for all tokens predicted."""
    from torch.utils.flop_counter import FlopCounterMode

    shape = replace(architecture.shape("albert", "tiny"), vocab=500, positions=64)
    net = network.build(shape, 0, seed=0, attention="eager")
    ids = torch.randint(5, 500, (2, 64))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.words(net(ids, torch.zeros_like(ids), None, (4,))[0].last.reshape(-1, shape.hidden))
    counted = counter.get_total_flops() / ids.numel()
    assert flops.forward_flops(shape, 64, 4, 1.0) == pytest.approx(counted, rel=0.01)


def test_the_rate_of_products_is_the_measured_one():
    assert flops.product_rate("float32", "cpu") == precision.gemm_rates()["float32"] * 1e9


def test_progress_is_the_further_of_steps_and_time():
    now = time.monotonic()
    assert Clock(100, None, started=now).progress(49) == pytest.approx(0.495)
    assert Clock(None, 100.0, earlier=50.0, started=now).progress(0) == pytest.approx(0.5, abs=0.01)
    assert Clock(100, 100.0, earlier=50.0, started=now).progress(90) == pytest.approx(0.905)
    assert Clock(None, 100.0, earlier=55.0, began=10.0, started=now).progress(0) == pytest.approx(0.5, abs=0.01)
    assert Clock(None, 100.0, earlier=95.0, reserve=10.0, started=now).over(3)


def test_exits_depend_on_the_step_and_cost_as_computed():
    joint = Exits((3, 6, 12))
    assert [joint.at(s) for s in range(20)] == [Exits((3, 6, 12)).at(s) for s in range(20)]
    drawn = [joint.at(step) for step in range(200)]
    assert all(sum(d.values()) == pytest.approx(1.0) and 12 in d and d[12] > 0.5 for d in drawn)
    assert {min(d) for d in drawn} == {3, 6}
    single = Exits((3, 6, 12), "single")
    mean = np.mean([next(iter(single.at(step))) for step in range(2000)])
    assert mean == pytest.approx(single.mean_depth, rel=0.05)
    assert (joint.mean_depth, single.mean_depth) == (12.0, 9.0)
    assert Exits((6,)).at(0) == {6: 1.0}


def test_compiling_is_left_alone_where_it_cannot_pay():
    net = network.build(replace(architecture.shape("albert", "tiny"), vocab=50), 0, seed=0)
    assert compile_probe.settle(net, "auto", lambda: None, torch.device("cpu")) == "not compiled"
    assert net.apply_layer is network.applied


def test_a_compiler_that_fails_or_is_slower_is_done_without():
    net = network.build(replace(architecture.shape("albert", "tiny"), vocab=50), 0, seed=0)

    def failing() -> None:
        if net.apply_layer is not network.applied:
            raise RuntimeError("no compiler")

    def slower() -> None:
        time.sleep(0.001 if net.apply_layer is network.applied else 0.02)

    assert compile_probe.settle(net, "yes", failing, torch.device("cpu")) == "not compiled (RuntimeError)"
    assert "no faster" in compile_probe.settle(net, "yes", slower, torch.device("cpu"))
    assert net.apply_layer is network.applied


def test_omitted_settings_of_a_run_are_kept():
    kept = asdict(Settings(arch="bert", size="base", steps=10, lr=1e-3, unmasked_share=0.25, objectives="mlm,nsp"))
    same = going_on(Settings(steps=10, unmasked_share=0.25, objectives="mlm,nsp"), kept, False, "out")
    assert (same.arch, same.lr) == ("bert", 1e-3)
    longer = going_on(Settings(steps=99, lr=1e-4), kept, True, "out")
    assert (longer.steps, longer.lr, longer.unmasked_share, longer.objectives) == (99, 1e-4, 0.25, "mlm,nsp")
    with pytest.raises(RunError, match="--max-seq-length 128, not 64"):
        going_on(Settings(steps=10, max_seq_length=64), kept, True, "out")


def test_settings_under_the_names_of_earlier_versions_are_read():
    stored = {"steps": 10, "length": 64, "share": "none", "accumulate": 3, "clean": 0.25}
    read = going_on(Settings(steps=10), stored, True, "out")
    assert (read.max_seq_length, read.layer_sharing, read.gradient_accumulation_steps) == (64, "none", 3)
    with pytest.raises(RunError, match="--max-seq-length 64, not 32"):
        going_on(Settings(steps=10, max_seq_length=32), stored, True, "out")
    assert set(RENAMED.values()) <= {field.name for field in fields(Settings)}


def test_every_setting_is_an_option_with_one_line_of_help():
    shown = " ".join(penna("pretrain", "--help").stdout.split())
    for setting in fields(Settings):
        text = setting.metadata["help"]
        assert text.endswith(".")
        assert len(text) <= 100
        assert text in shown
        assert (setting.metadata["flag"] or option(setting.name)).split("/")[0] in shown


def test_the_learning_rate_follows_the_width():
    for size, rate in (("tiny", 1e-3), ("base", 0.4 / 768), ("xlarge", 0.4 / 2048)):
        assert setup.rate(check(Settings(steps=1)), architecture.shape("albert", size)) == pytest.approx(rate)
    assert setup.rate(Settings(from_="x"), architecture.shape("albert", "tiny")) == 1e-4


class _Heard:
    def __init__(self) -> None:
        self.said: list[str] = []

    def event(self, kind: str, **data: object) -> None:
        if kind == "notice":
            self.said.append(str(data["message"]))


def test_tokenizer_of_another_language_is_reported(folder, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("\n\n".join(["電影很好看。 我喜歡它。"] * 30), encoding="utf-8")
    heard = _Heard()
    pretrain(text, tmp_path / "run", tokenizer=folder, steps=1, objectives="mlm", progress=heard, **FAST)
    assert any("unknown to this tokenizer" in said for said in heard.said)


def test_document_separator_can_be_given(folder, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("\n\n".join(["the good film is lost"] * 30), encoding="utf-8")
    for apart, documents in (("blank", "30 documents"), ("file", "1 documents")):
        heard = _Heard()
        out = tmp_path / apart
        pretrain(
            text, out, tokenizer=folder, steps=1, objectives="mlm", document_separator=apart, progress=heard, **FAST
        )
        assert any(said.startswith(documents) for said in heard.said)


def test_a_training_is_summed_up_over_the_last_tenth_of_its_log(tmp_path) -> None:
    log = tmp_path / "log.jsonl"
    assert logging.closing(log) == {}
    lines = [{"step": n, "lr": 0.1, "loss": float(n), **({"sop accuracy": 0.5} if n < 29 else {})} for n in range(30)]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert logging.closing(log) == {"loss": 28.0, "sop accuracy": 0.5}
