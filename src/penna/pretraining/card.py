"""The model card of a pretrained encoder: its data, training and limits. Text from plain facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penna.errors import SettingError
from penna.escaping import markdown, visible
from penna.version import __version__

_LONGEST = 200_000  # characters of a file of licenses


@dataclass(frozen=True)
class Facts:
    """The facts on the card."""

    name: str
    shape: Mapping[str, Any]
    parameters: int
    exits: Sequence[int]
    objectives: str
    corpus: Sequence[str]
    licences: str
    command: str
    hours: float
    tokens: int
    steps: int
    measures: Mapping[str, float]
    source: str | None = None
    teacher: str | None = None


def licences(named_file: str | None, corpus: Sequence[Path]) -> str:
    """Return the text on sources and licenses: from the named file, else the corpus' README, else "".

    Raises SettingError if the named file cannot be read.
    """
    if named_file is not None:
        try:
            return Path(named_file).read_text(encoding="utf-8")[:_LONGEST].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"--licenses {named_file} cannot be read ({error}): give a text file.") from error
    for path in corpus:
        file = (path if path.is_dir() else path.parent) / "README.md"
        if file.is_file():
            return file.read_text(encoding="utf-8", errors="replace")[:_LONGEST].strip()
    return ""


def text(facts: Facts) -> str:
    """Return the card in Markdown, with the front matter of Hugging Face."""
    head = ["---", "library_name: transformers", f"tags: [{facts.shape['kind']}, fill-mask, feature-extraction]", "---"]
    parts = [
        "\n".join(head),
        f"# {markdown(facts.name)}",
        f"An encoder, pretrained by Penna {__version__}. Load it with `transformers.AutoModel.from_pretrained`, or "
        "give its folder to `penna fit --encoder`.",
        "## Architecture\n" + _listed({**facts.shape, "parameters": f"{facts.parameters:,}"}) + _depths(facts.exits),
        "## Training\n" + _listed(_training(facts)),
        "## Measures, over the last tenth\n" + _listed({k: f"{v:.4f}" for k, v in facts.measures.items()}),
        "## Data\n" + "\n".join(f"- `{visible(str(path))}`" for path in facts.corpus),
        "## Sources and licenses of the data\n" + (_deeper(facts.licences) or "Not stated."),
        "## Limits\n" + _limits(facts),
    ]
    return "\n\n".join(parts) + "\n"


def _listed(facts: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items() if value is not None)


def _depths(exits: Sequence[int]) -> str:
    if len(exits) == 1:
        return ""
    return f"\n- trained to be cut: use it with its first {', '.join(map(str, exits))} layers"


def _training(facts: Facts) -> dict[str, Any]:
    return {
        "objectives": facts.objectives,
        "began from": facts.source or "random weights",
        "teacher": facts.teacher,
        "command": f"`{facts.command}`",
        "hours": f"{facts.hours:.2f}",
        "steps": f"{facts.steps:,}",
        "tokens": f"{facts.tokens:,}",
    }


def _deeper(text: str) -> str:
    """Move headings two levels down, into a section of the card."""
    return "\n".join(f"##{line}" if line.startswith("#") else line for line in text.splitlines())


def _limits(facts: Facts) -> str:
    tied = " Attention was shared between layers while training; the file holds a copy for each." if facts.shape.get(
        "tied_attention"
    ) else ""  # fmt: skip
    return (
        f"It reads {facts.shape['positions']} tokens at most; longer texts must be cut. It knows the language and the "
        "content of its data, with their errors and biases, and was not tested for any decision about people." + tied
    )
