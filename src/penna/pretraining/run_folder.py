"""The folder of a pretraining: settings, states, log, and the current encoder.

settings.json   the settings of the run
tokenizer/      the vocabulary, if it was trained here
tokens/         the corpus as tokens
state/N/        weights and moments after N steps; the last two
log.jsonl       one line every few seconds
encoder/        the encoder in Hugging Face form, with its model card
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penna.errors import RunError
from penna.pretraining import atomic_files, card, logging
from penna.pretraining.settings import Settings, going_on

if TYPE_CHECKING:
    from penna.pretraining.loop import Training
    from penna.pretraining.vocabulary import Vocabulary

FORMAT = 1


@dataclass(frozen=True)
class Folder:
    """The paths of a run."""

    path: Path

    @property
    def settings(self) -> Path:
        """The file of all settings, with defaults."""
        return self.path / "settings.json"

    @property
    def states(self) -> Path:
        """The folder of the saved states."""
        return self.path / "state"

    @property
    def log(self) -> Path:
        """The file of the log lines."""
        return self.path / "log.jsonl"

    @property
    def tokenizer(self) -> Path:
        """The folder of a tokenizer that was trained here."""
        return self.path / "tokenizer"

    @property
    def encoder(self) -> Path:
        """The folder of the encoder."""
        return self.path / "encoder"


def begun(folder: Folder, requested: Settings, corpus: str, resume: bool) -> Settings:
    """Return the settings of this run: ``requested``, and those of the folder for each that was not given.

    ``corpus`` is the corpus' fingerprint. Raises RunError if the folder is something else, or of another run.
    """
    if not folder.settings.is_file():
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            raise RunError(f"{folder.path} exists and is not a pretraining run of Penna: give another --out.")
        if resume:
            raise RunError(
                f"{folder.path} holds no pretraining run to resume: leave --resume out, or give the right --out."
            )
        return requested
    try:
        stored = json.loads(folder.settings.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise ValueError("another version of Penna wrote it")
        before: Mapping[str, Any] = dict(stored["settings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder.settings} cannot be read ({error}): give another --out.") from error
    if stored.get("corpus") != corpus:
        raise RunError(f"{folder.path} was begun with another corpus, or with other files in it: give another --out.")
    return going_on(requested, before, resume, str(folder.path))


def write_settings(folder: Folder, settings: Settings, corpus: str) -> None:
    """Write the settings, for a run that continues this one."""
    folder.path.mkdir(parents=True, exist_ok=True)
    atomic_files.write_json(folder.settings, {"format": FORMAT, "settings": asdict(settings), "corpus": corpus})


@dataclass(frozen=True)
class Keeper:
    """Saves a training: its state, and its encoder in Hugging Face form."""

    folder: Folder
    settings: Settings
    vocabulary: "Vocabulary"
    corpus: tuple[str, ...]
    licences: str
    command: str

    def __call__(self, training: "Training") -> None:
        """Write the state and the encoder of ``training``, in the first process."""
        if training.world.first:
            from penna.pretraining import training_state

            training_state.save(self.folder.states, training.state, training.named, training.optimiser)
            atomic_files.whole(self.folder.encoder, lambda new: self._fill(new, training))

    def _fill(self, new: Path, training: "Training") -> None:
        from penna.pretraining import network, vocabulary

        network.write(training.network, new, training.exits.depths, self.settings.fp16)
        vocabulary.save(self.vocabulary, new, training.network.shape.positions)
        (new / "README.md").write_text(card.text(self._facts(training)), encoding="utf-8")

    def _facts(self, training: "Training") -> card.Facts:
        now, settings = training.state, self.settings
        return card.Facts(
            name=self.folder.path.resolve().name,
            shape=asdict(training.network.shape),
            parameters=sum(p.numel() for p in training.network.parameters()),
            exits=training.exits.depths,
            objectives=settings.objectives,
            corpus=self.corpus,
            licences=self.licences,
            command=self.command,
            hours=now.seconds / 3600,
            tokens=now.tokens,
            steps=now.step,
            measures=logging.closing(self.folder.log),
            source=settings.from_
            or (
                f"layers ({settings.init_from_teacher}) and embeddings of the teacher"
                if settings.init_from_teacher
                else None
            ),
            teacher=settings.teacher,
        )


def _from_teacher(layers: str | None) -> str | None:
    """Describe the source of an encoder that started with parts of its teacher, for the model card."""
    return f"layers ({layers}) and embeddings of the teacher" if layers else None


def command() -> str:
    """Return the command line, with the name of the program instead of its path."""
    return (
        " ".join(["penna", *sys.argv[1:]]) if Path(sys.argv[0]).name in ("penna", "__main__.py") else "penna.pretrain"
    )
