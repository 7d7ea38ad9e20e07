"""``penna pretrain``: a corpus in, an encoder in Hugging Face form out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from penna import environment
from penna.errors import PennaError


def pretrain(
    corpus: Annotated[
        list[str], typer.Argument(metavar="CORPUS...", help="Text, JSON lines or folders of them, also compressed.")
    ],
    out: Annotated[str, typer.Option(metavar="FOLDER", help="The run; the encoder is written to FOLDER/encoder.")],
    arch: Annotated[str | None, typer.Option(metavar="albert|bert", help="albert if not given.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="NAME", help="tiny, mini (if not given), small, medium, base ... xxlarge.")
    ] = None,
    objectives: Annotated[
        str, typer.Option(metavar="NAMES", help="Of mlm, sop, nsp, distil; with weights: mlm:1,sop:0.5.")
    ] = "mlm",
    budget: Annotated[str | None, typer.Option(metavar="TIME", help="For everything: 30s, 25m, 1.5h.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Steps of the optimiser.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="CHECKPOINT", help="Go on from a BERT or an ALBERT.")
    ] = None,
    teacher: Annotated[str | None, typer.Option(metavar="CHECKPOINT", help="What distil learns from.")] = None,
    distil: Annotated[
        str | None, typer.Option(metavar="PARTS", help="Of pooled, tokens, similarity, relations; with weights.")
    ] = None,
    borrow: Annotated[
        str | None, typer.Option(metavar="LAYERS", help="Begin with the teacher's: 1,3,5 or auto; embeddings, too.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Take its tokenizer; one is trained if not given.")
    ] = None,
    vocab: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens to learn, or to keep of the tokenizer that is given.")
    ] = None,
    lowercase: Annotated[bool, typer.Option("--lowercase/--cased", help="For a trained tokenizer.")] = True,
    share: Annotated[str | None, typer.Option(metavar="HOW", help="all, groups:N, cycle:N, attention or none.")] = None,
    layers: Annotated[int | None, typer.Option(metavar="N")] = None,
    hidden: Annotated[int | None, typer.Option(metavar="N", help="Width of the layers.")] = None,
    heads: Annotated[int | None, typer.Option(metavar="N")] = None,
    ffn: Annotated[int | None, typer.Option(metavar="N", help="4 times the width if not given.")] = None,
    embedding: Annotated[int | None, typer.Option(metavar="N", help="Width of ALBERT's embeddings.")] = None,
    length: Annotated[int, typer.Option(metavar="N", help="Tokens of an example.")] = 128,
    positions: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens that the encoder can read; as --length if not given.")
    ] = None,
    batch_tokens: Annotated[int | None, typer.Option(metavar="N", help="Tokens of a batch, with padding.")] = None,
    accumulate: Annotated[int, typer.Option(metavar="N", help="Batches before each step.")] = 1,
    lr: Annotated[float | None, typer.Option(metavar="RATE", help="At its peak; chosen by width if not given.")] = None,
    warmup: Annotated[float, typer.Option(metavar="SHARE", help="Of the training.")] = 0.06,
    schedule: Annotated[str, typer.Option(metavar="linear|cosine", help="How the rate falls to zero.")] = "linear",
    weight_decay: Annotated[float, typer.Option(metavar="RATE", help="Of matrices.")] = 0.01,
    clip: Annotated[float, typer.Option(metavar="NORM", help="Of the gradient, at most.")] = 1.0,
    mask_rate: Annotated[
        str, typer.Option(metavar="SHARE", help="Tokens that mlm hides: 0.15, or 0.3:0.15 from first to last.")
    ] = "0.15",
    depths: Annotated[str | None, typer.Option(metavar="LIST", help="Be good at these depths, too: 3,6,12.")] = None,
    exits: Annotated[
        str, typer.Option(metavar="joint|single", help="Train an inner depth next to the whole, or one at a time.")
    ] = "joint",
    dropout: Annotated[float, typer.Option(metavar="RATE")] = 0.0,
    clean: Annotated[float, typer.Option(metavar="SHARE", help="Of rows that mlm leaves to distil.")] = 0.5,
    short: Annotated[float, typer.Option(metavar="SHARE", help="Of examples that are shorter at random.")] = 0.1,
    text_field: Annotated[str | None, typer.Option(metavar="NAME", help="Of the text in JSON lines.")] = None,
    apart: Annotated[
        str, typer.Option(metavar="auto|blank|file", help="Between documents in text files: blank lines, or files.")
    ] = "auto",
    seed: Annotated[int, typer.Option(metavar="N")] = 0,
    threads: Annotated[int | None, typer.Option(metavar="N", help="Cores to use; all if not given.")] = None,
    dtype: Annotated[str | None, typer.Option(metavar="float32|bfloat16", help="The quicker if not given.")] = None,
    compile: Annotated[str, typer.Option(metavar="auto|yes|no", help="Layers, where that is faster.")] = "auto",
    attention: Annotated[str, typer.Option(metavar="auto|sdpa|eager", help="Fused or plain.")] = "auto",
    cache: Annotated[str | None, typer.Option(metavar="FOLDER", help="For tokens; in --out if not given.")] = None,
    save_steps: Annotated[int, typer.Option(metavar="N", help="Save so often, besides every 5 minutes.")] = 0,
    log_steps: Annotated[int, typer.Option(metavar="N", help="Tell so often; every 10 seconds if not given.")] = 0,
    licences: Annotated[
        str | None, typer.Option(metavar="FILE", help="About the data, for the model card; else the corpus' README.")
    ] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write event files, too.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, longer or otherwise than before.")
    ] = False,
    half: Annotated[bool, typer.Option("--half", help="Write the encoder in float16.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")] = False,
) -> None:
    """Pretrain an ALBERT or a BERT on plain text, from nothing or from a checkpoint.

    The same command goes on where it was cut off. Under torchrun, several processes train together.
    """
    given = dict(locals())
    plain = {name: given[name] for name in given if name not in ("corpus", "out", "resume", "quiet")}
    _run([*map(Path, corpus)], Path(out), plain, resume, quiet)


def _run(corpus: list[Path], out: Path, options: dict[str, Any], resume: bool, quiet: bool) -> None:
    from penna.pretraining.api import pretrain as start

    first = environment.number("RANK", 0) == 0
    try:
        outcome = start(corpus, out, resume=resume, progress=not quiet, **options)
    except PennaError:
        if first:
            raise
        raise typer.Exit(2) from None  # one process says what all of them found
    if not first:
        return
    if outcome.why == "interrupted":
        from penna.cli.errors import say

        say(f"interrupted at step {outcome.steps:,}; the encoder as it stands is in {outcome.encoder.as_posix()}, and "
            "the same command goes on.")  # fmt: skip
        raise typer.Exit(128 + outcome.signal)
    _show(outcome)


def _show(outcome: Any) -> None:
    from penna.terminal import display

    console = display.screen()
    display.facts(console, "Measures", {name: display.number(value) for name, value in outcome.measures.items()})
    console.print()
    pairs = {
        "steps": f"{outcome.steps:,}",
        "tokens": f"{outcome.tokens:,}",
        "time": display.clock(outcome.seconds),
        "encoder": outcome.encoder.as_posix(),
    }
    display.facts(console, "Pretrained", pairs)
