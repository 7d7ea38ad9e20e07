"""One pretraining, from what was requested to its encoder: what it needs, in order, then the training.

Knows all here.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch

from penna import signals
from penna.data.readers.read_notes import Notes
from penna.encoders import checkpoints
from penna.environment import expanded
from penna.errors import SettingError
from penna.pretraining import (
    architecture,
    atomic_files,
    card,
    compile_probe,
    corpus,
    distributed,
    flops,
    logging,
    run_folder,
    setup,
    shards,
    training_state,
    vocabulary_pruning,
)
from penna.pretraining import loop as loops
from penna.pretraining import vocabulary as vocabularies
from penna.pretraining.architecture import Shape
from penna.pretraining.distributed import World
from penna.pretraining.network import Network
from penna.pretraining.plain_text import Apart
from penna.pretraining.request import Notify, Outcome, PretrainRequest
from penna.pretraining.schedule import Clock, Exits
from penna.pretraining.segments import Segments
from penna.pretraining.settings import Settings
from penna.pretraining.source import Goal, Source
from penna.pretraining.vocabulary import Vocabulary

_MANY_UNKNOWN = 0.05  # of all tokens


@dataclass(frozen=True)
class Ready:
    """All that a training needs but its text."""

    settings: Settings
    shape: Shape
    exits: Exits
    words: Vocabulary
    network: Network
    goals: list[Goal]
    licences: str


def whole(order: PretrainRequest, world: World, tell: Notify) -> Outcome:
    """Everything, in order. Nothing is written before all that can be checked was checked."""
    with distributed.turns(world):
        ready = prepared(order, world, tell)
        segments = read(order, ready, tell)
    training = trained(order, ready, segments, world, tell)
    if not training.state.step and training.clock.over(0):
        raise SettingError(
            f"the budget of {ready.settings.budget:g} s was over before the first step: the corpus as tokens is kept; "
            "go on with --resume and a longer --budget."
        )
    with interrupts() as came, enough_memory():
        training.stopped = lambda: bool(came)
        training.save()  # a disk that is too small is found now, and how long writing takes
        tell("phase", name="training")
        why = training.all()
    now = training.state
    measures = logging.closing(order.folder.log)
    return Outcome(order.folder.encoder, now.step, now.tokens, training.clock.seconds(), measures, why, *came[:1])


def prepared(order: PretrainRequest, world: World, tell: Notify) -> Ready:
    """Prepare settings, measures, vocabulary, objectives and network; then write for the first time."""
    device = torch.device("cuda", world.local) if torch.cuda.is_available() else torch.device("cpu")
    fingerprint = corpus.fingerprint(order.files)
    settings = run_folder.begun(order.folder, order.requested, fingerprint, order.resume)
    if settings.tensorboard:
        logging.check_board()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    settings = setup.resolved(settings, device)
    checkpoint = None if settings.from_ is None else checkpoints.find(settings.from_)
    if settings.teacher is not None:
        checkpoints.find(settings.teacher)  # before a vocabulary is learned, which takes longer
    shape = setup.shape(settings, checkpoint)
    exits = Exits(architecture.exits(shape, settings.depths), settings.exit_training, settings.seed)
    licences = card.licences(settings.licenses, order.files)
    learner = _Learner(order, settings, tell)
    words = setup.words(settings, shape, checkpoint, order.folder.tokenizer, learner)
    if checkpoint is None:
        shape = replace(shape, vocab=words.size)
    goals = setup.goals(settings, shape, words, device)
    network, missing = setup.encoder(settings, shape, words, checkpoint)
    if missing:
        tell("notice", message=f"{settings.from_} lacks {', '.join(missing)}: they begin anew.")
    count = sum(p.numel() for p in network.parameters())
    training_state.check_room(order.folder.path, count)
    if world.first:
        run_folder.write_settings(order.folder, settings, fingerprint)
        if not order.folder.tokenizer.is_dir():
            atomic_files.whole(order.folder.tokenizer, lambda new: vocabularies.save(words, new, shape.positions))
    tell("notice", message=f"{shape.kind}, {count:,} parameters, {len(words.special):,} tokens, {settings.dtype}.")
    return Ready(settings, shape, exits, words, network.to(device), goals, licences)


@dataclass(frozen=True)
class _Learner:
    """Learns words from the corpus, and says so."""

    order: PretrainRequest
    settings: Settings
    tell: Notify

    def train(self, kind: vocabularies.Kind, size: int) -> Vocabulary:
        self.tell("phase", name=f"learning a vocabulary of {size:,} tokens")
        return vocabularies.train(self._documents(), kind, size, lowercase=self.settings.lowercase)

    def prune(self, given: Vocabulary, size: int) -> Vocabulary:
        self.tell("phase", name=f"choosing {size:,} of {given.size:,} tokens")
        return vocabulary_pruning.prune(given, vocabularies.sample(self._documents()), size)

    def _documents(self) -> Iterator[corpus.Document]:
        return corpus.documents(self.order.files, Notes(), self.settings.text_field, _apart(self.settings))


def _apart(settings: Settings) -> Apart:
    known: dict[str, Apart] = {"blank": "blank", "file": "file"}
    return known.get(settings.document_separator, "auto")


def read(order: PretrainRequest, ready: Ready, tell: Notify) -> Segments:
    """Return the corpus as segments, from the cache of tokens where it is there. Says what was left out."""
    settings = ready.settings
    tell("phase", name="reading the corpus")
    cache = order.folder.path / "tokens" if settings.cache is None else expanded(settings.cache)
    tokens = shards.build(
        order.given, ready.words, cache, _reading(tell), field=settings.text_field, apart=_apart(settings)
    )
    for finding in tokens.findings:
        tell("notice", message=finding)
    if tokens.unknown_share > _MANY_UNKNOWN:
        tell("notice", message=f"{tokens.unknown_share:.0%} of the tokens are unknown to this tokenizer: is it for "
             "another language? Leave --tokenizer and --from out to learn one.")  # fmt: skip
    total, way = tokens.total, setup.pairing(ready.goals)
    tell("notice", message=f"{total.documents:,} documents, {total.sentences:,} sentences, {total.tokens:,} tokens.")
    if way != "none" and (problem := setup.nothing_to_order(way, tokens.single_share)):
        tell("notice", message=problem)
    return Segments(
        tokens,
        ready.words,
        length=settings.max_seq_length,
        batch_tokens=int(settings.batch_tokens or 0),
        pairing=way,
        short=settings.short_seq_prob,
        seed=settings.seed,
    )


def _reading(tell: Notify) -> Callable[[int, int], None]:
    """Tells how far the reading is, every few seconds."""
    last = time.monotonic()

    def hear(documents: int, tokens: int) -> None:
        nonlocal last
        if time.monotonic() - last > loops.LOG_SECONDS:
            last = time.monotonic()
            tell("notice", message=f"read {documents:,} documents, {tokens:,} tokens ...")

    return hear


def trained(order: PretrainRequest, ready: Ready, segments: Segments, world: World, tell: Notify) -> loops.Training:
    """Return the training as its last state left it, or at its beginning."""
    settings, folder = ready.settings, order.folder
    found = training_state.newest(folder.states)
    earlier = 0.0
    if found is not None and world.first:  # the log is one file, and the first process's clock is what counts
        earlier = max(found.seconds, logging.cut_back(folder.log, found.step))
    clock = Clock(settings.steps, settings.budget, earlier, started=order.started)
    begun = training_state.State(began=clock.seconds()) if found is None else found
    clock.began = begun.began
    device = next(ready.network.parameters()).device
    source = Source(
        segments,
        ready.goals,
        settings.gradient_accumulation_steps,
        world,
        settings.unmasked_share,
        device.type == "cuda",
    )
    log = _log(order, ready, source, world)
    plan = loops.Plan(
        lr=setup.rate(settings, ready.shape),
        warmup=settings.warmup_ratio,
        schedule=settings.schedule,
        weight_decay=settings.weight_decay,
        clip=settings.max_grad_norm,
        seed=settings.seed,
        dtype="bfloat16" if settings.dtype == "bfloat16" else "float32",
        save_steps=settings.save_steps,
        log_steps=settings.log_steps,
    )
    keeper = run_folder.Keeper(folder, settings, ready.words, order.given, ready.licences, run_folder.command())

    def hear(line: loops.Line) -> None:
        if world.first:
            tell("line", **log.tell(line))

    training = loops.Training(ready.network, source, ready.exits, plan, clock, keeper, hear, state=begun)
    if found is not None:
        training_state.load(folder.states, training.named, training.optimiser)
        tell("notice", message=f"going on from step {found.step:,}, after {found.seconds:,.0f} s of earlier runs.")
    tell("notice", message=compile_probe.settle(ready.network, settings.compile, training.probe, device) + ".")
    return training


def _log(order: PretrainRequest, ready: Ready, source: Source, world: World) -> logging.Log:
    """Return the log, with what one token costs: counted on the first batch, which is like the others."""
    made, settings = source.make(0, 0.5), ready.settings
    rows = len(made.inputs["ids"])
    masked = len(made.inputs.get("mlm.positions", ())) / made.tokens
    forward = flops.forward_flops(ready.shape, made.tokens / rows, ready.exits.mean_depth, masked, ready.exits.heads)
    share = (made.views["clean"].stop - made.views["clean"].start) / rows
    teachers = share * sum(goal.objective.flops for goal in ready.goals)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rate = flops.product_rate("bfloat16" if settings.dtype == "bfloat16" else "float32", device) * world.size
    board = logging.board(order.folder.path / "board") if settings.tensorboard and world.first else None
    return logging.Log(order.folder.log, flops.training_flops(forward, teachers), rate, board)


@contextmanager
def enough_memory() -> Iterator[None]:
    """Where memory does not suffice, say what makes it suffice."""
    try:
        yield
    except RuntimeError as error:  # torch's own type for GPUs is one; for processors it is just that
        if "out of memory" not in str(error) and "can't allocate memory" not in str(error):
            raise
        raise SettingError(
            "there is not enough memory for batches of this size: lower --batch-tokens and raise "
            "--gradient-accumulation-steps as much."
        ) from error


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Signals that ask for an end are noted in the list: the step under way ends and all is written.

    A second one is not waited for.
    """
    came: list[int] = []

    def note(number: int, frame: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    with signals.handled(note):
        yield came
