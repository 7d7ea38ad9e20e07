"""One pretraining, from the request to the encoder: preparation, corpus, training. Knows all modules of this folder."""

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
    """Everything that a training needs except its text."""

    settings: Settings
    shape: Shape
    exits: Exits
    words: Vocabulary
    network: Network
    goals: list[Goal]
    licences: str


def whole(order: PretrainRequest, world: World, notify: Notify) -> Outcome:
    """Prepare, read the corpus and train. Write nothing before everything that can be checked has been checked."""
    with distributed.turns(world):
        ready = prepared(order, world, notify)
        segments = read(order, ready, notify)
    training = trained(order, ready, segments, world, notify)
    if not training.state.step and training.clock.over(0):
        raise SettingError(
            f"the budget of {ready.settings.budget:g} s was over before the first step: the tokens of the corpus are "
            "kept; continue with --resume and a longer --budget."
        )
    with interrupts() as came, enough_memory():
        training.stopped = lambda: bool(came)
        training.save()  # finds a full disk now, and measures the time of writing
        notify("phase", name="training")
        why = training.all()
    now = training.state
    measures = logging.closing(order.folder.log)
    return Outcome(order.folder.encoder, now.step, now.tokens, training.clock.seconds(), measures, why, *came[:1])


def prepared(order: PretrainRequest, world: World, notify: Notify) -> Ready:
    """Prepare settings, shape, vocabulary, objectives and network; then write for the first time."""
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
        checkpoints.find(settings.teacher)  # before the training of a vocabulary, which takes longer
    shape = setup.shape(settings, checkpoint)
    exits = Exits(architecture.exits(shape, settings.depths), settings.exit_training, settings.seed)
    licences = card.licences(settings.licenses, order.files)
    learner = _Learner(order, settings, notify)
    words = setup.words(settings, shape, checkpoint, order.folder.tokenizer, learner)
    if checkpoint is None:
        shape = replace(shape, vocab=words.size)
    goals = setup.goals(settings, shape, words, device)
    network, missing = setup.encoder(settings, shape, words, checkpoint)
    if missing:
        notify("notice", message=f"{settings.from_} lacks {', '.join(missing)}: they start with random weights.")
    count = sum(p.numel() for p in network.parameters())
    training_state.check_room(order.folder.path, count)
    if world.first:
        run_folder.write_settings(order.folder, settings, fingerprint)
        if not order.folder.tokenizer.is_dir():
            atomic_files.whole(order.folder.tokenizer, lambda new: vocabularies.save(words, new, shape.positions))
    notify("notice", message=f"{shape.kind}, {count:,} parameters, {len(words.special):,} tokens, {settings.dtype}.")
    return Ready(settings, shape, exits, words, network.to(device), goals, licences)


@dataclass(frozen=True)
class _Learner:
    """Trains or prunes a vocabulary on the corpus, and reports it."""

    order: PretrainRequest
    settings: Settings
    notify: Notify

    def train(self, kind: vocabularies.Kind, size: int) -> Vocabulary:
        self.notify("phase", name=f"learning a vocabulary of {size:,} tokens")
        return vocabularies.train(self._documents(), kind, size, lowercase=self.settings.lowercase)

    def prune(self, vocabulary: Vocabulary, size: int) -> Vocabulary:
        self.notify("phase", name=f"choosing {size:,} of {vocabulary.size:,} tokens")
        return vocabulary_pruning.prune(vocabulary, vocabularies.sample(self._documents()), size)

    def _documents(self) -> Iterator[corpus.Document]:
        return corpus.documents(self.order.files, Notes(), self.settings.text_field, _apart(self.settings))


def _apart(settings: Settings) -> Apart:
    separators: dict[str, Apart] = {"blank": "blank", "file": "file"}
    return separators.get(settings.document_separator, "auto")


def read(order: PretrainRequest, ready: Ready, notify: Notify) -> Segments:
    """Return the corpus as segments, from the token cache if it exists; report skipped lines."""
    settings = ready.settings
    notify("phase", name="reading the corpus")
    cache = order.folder.path / "tokens" if settings.cache is None else expanded(settings.cache)
    tokens = shards.build(
        order.given, ready.words, cache, _reading(notify), field=settings.text_field, apart=_apart(settings)
    )
    for finding in tokens.findings:
        notify("notice", message=finding)
    if tokens.unknown_share > _MANY_UNKNOWN:
        notify("notice", message=f"{tokens.unknown_share:.0%} of the tokens are unknown to this tokenizer: is it for "
             "another language? Leave --tokenizer and --from out to train one.")  # fmt: skip
    total, way = tokens.total, setup.pairing(ready.goals)
    notify("notice", message=f"{total.documents:,} documents, {total.sentences:,} sentences, {total.tokens:,} tokens.")
    if way != "none" and (problem := setup.nothing_to_order(way, tokens.single_share)):
        notify("notice", message=problem)
    return Segments(
        tokens,
        ready.words,
        length=settings.max_seq_length,
        batch_tokens=int(settings.batch_tokens or 0),
        pairing=way,
        short=settings.short_seq_prob,
        seed=settings.seed,
    )


def _reading(notify: Notify) -> Callable[[int, int], None]:
    """Return a listener that reports the progress of reading every few seconds."""
    last = time.monotonic()

    def hear(documents: int, tokens: int) -> None:
        nonlocal last
        if time.monotonic() - last > loops.LOG_SECONDS:
            last = time.monotonic()
            notify("notice", message=f"read {documents:,} documents, {tokens:,} tokens ...")

    return hear


def trained(order: PretrainRequest, ready: Ready, segments: Segments, world: World, notify: Notify) -> loops.Training:
    """Return the training in its last saved state, or at its start."""
    settings, folder = ready.settings, order.folder
    saved = training_state.newest(folder.states)
    earlier = 0.0
    if saved is not None and world.first:  # there is one log, and the clock of the first process counts
        earlier = max(saved.seconds, logging.cut_back(folder.log, saved.step))
    clock = Clock(settings.steps, settings.budget, earlier, started=order.started)
    state = training_state.State(began=clock.seconds()) if saved is None else saved
    clock.began = state.began
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
            notify("line", **log.tell(line))

    training = loops.Training(ready.network, source, ready.exits, plan, clock, keeper, hear, state=state)
    if saved is not None:
        training_state.load(folder.states, training.named, training.optimiser)
        notify("notice", message=f"continuing from step {saved.step:,}, after {saved.seconds:,.0f} s of earlier runs.")
    notify("notice", message=compile_probe.settle(ready.network, settings.compile, training.probe, device) + ".")
    return training


def _log(order: PretrainRequest, ready: Ready, source: Source, world: World) -> logging.Log:
    """Return the log with the cost of one token, counted on the first batch, which is typical."""
    batch, settings = source.make(0, 0.5), ready.settings
    rows = len(batch.inputs["ids"])
    masked = len(batch.inputs.get("mlm.positions", ())) / batch.tokens
    forward = flops.forward_flops(ready.shape, batch.tokens / rows, ready.exits.mean_depth, masked, ready.exits.heads)
    share = (batch.views["clean"].stop - batch.views["clean"].start) / rows
    teachers = share * sum(goal.objective.flops for goal in ready.goals)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rate = flops.product_rate("bfloat16" if settings.dtype == "bfloat16" else "float32", device) * world.size
    board = logging.board(order.folder.path / "board") if settings.tensorboard and world.first else None
    return logging.Log(order.folder.log, flops.training_flops(forward, teachers), rate, board)


@contextmanager
def enough_memory() -> Iterator[None]:
    """Turn a lack of memory into a SettingError that names the options to change."""
    try:
        yield
    except RuntimeError as error:  # torch has a subclass of it for GPUs, and raises it directly on CPUs
        if "out of memory" not in str(error) and "can't allocate memory" not in str(error):
            raise
        raise SettingError(
            "there is not enough memory for batches of this size: lower --batch-tokens and raise "
            "--gradient-accumulation-steps by the same factor."
        ) from error


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Collect signals that request an end: the current step finishes and the state is written.

    A second signal raises KeyboardInterrupt at once.
    """
    came: list[int] = []

    def note(number: int, frame: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    with signals.handled(note):
        yield came
