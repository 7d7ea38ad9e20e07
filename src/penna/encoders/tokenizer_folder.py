"""The tokenizer of an encoder's folder: its tokenizer.json, or the one that transformers builds from its vocabulary.

``tokenizer_file`` checks it before native code reads it; here it must know ordinary text. No torch.

transformers builds a tokenizer from any files. If the vocabulary is missing or of another kind, every text becomes
empty or unknown, without an error.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from penna import native_calls
from penna.encoders import tokenizer_file
from penna.encoders.quiet_transformers import silence
from penna.encoders.tokenizer_file import Checked
from penna.errors import EncoderError

if TYPE_CHECKING:
    import tokenizers

TOKENIZER = "tokenizer.json"
#: Files of which each is enough for a tokenizer.
VOCABULARIES = (TOKENIZER, "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
#: Ordinary sentences in lower case: a tokenizer must know at least one of them.
SAMPLE = (
    "where is my card? it should have been here three days ago, and nobody could say why.",
    "où est ma carte ? elle devait arriver il y a trois jours, et personne ne sait pourquoi.",
    "где моя карта? она должна была прийти три дня назад, и никто не знает почему.",
    "πού είναι η κάρτα μου; έπρεπε να έχει έρθει πριν από τρεις ημέρες.",
    "أين بطاقتي؟ كان يجب أن تصل قبل ثلاثة أيام ولا أحد يعرف السبب.",
    "איפה הכרטיס שלי? הוא היה צריך להגיע לפני שלושה ימים.",
    "मेरा कार्ड कहाँ है? उसे तीन दिन पहले आ जाना चाहिए था।",
    "আমার কার্ড কোথায়? এটি তিন দিন আগে আসার কথা ছিল।",
    "என் அட்டை எங்கே? அது மூன்று நாட்களுக்கு முன்பே வந்திருக்க வேண்டும்.",
    "บัตรของฉันอยู่ที่ไหน ควรจะมาถึงเมื่อสามวันก่อน",
    "我的卡在哪里？三天前就应该到了，没有人知道为什么。",
    "私のカードはどこですか。三日前に届くはずでした。",
    "내 카드는 어디에 있나요? 사흘 전에 도착했어야 합니다.",
    "სად არის ჩემი ბარათი? ის სამი დღის წინ უნდა მოსულიყო.",
    "որտե՞ղ է իմ քարտը։ այն պետք է եկած լիներ երեք օր առաջ։",
    "ካርዴ የት ነው? ከሦስት ቀን በፊት መድረስ ነበረበት።",
)
#: Share of the letters that a tokenizer must know in its best sentence.
_KNOWN = 0.5
#: Share of an encoder's embeddings that its tokenizer must have a token for.
_USED = 0.25


def read(name: str, folder: Path) -> tuple["tokenizers.Tokenizer", Checked]:
    """Return the tokenizer, without truncation or padding, and its file. Raise EncoderError with the reason."""
    refusal = partial(_refusal, name, folder)
    if not any((folder / file).is_file() for file in VOCABULARIES):
        raise EncoderError(f"encoder {name!r} has no tokenizer: put its {TOKENIZER} into {folder}.")
    with native_calls.caught(lambda why: refusal(_unconverted(folder, why))):
        content = _content(folder)
    try:
        checked = tokenizer_file.checked(content)
    except ValueError as error:
        raise refusal(f"cannot be read ({error})") from error
    with native_calls.caught(lambda why: refusal(f"cannot be read ({why})")):
        return checked.opened(), checked


def check(name: str, folder: Path, tokenizer: "tokenizers.Tokenizer", checked: Checked, vocabulary: int) -> None:
    """Raise EncoderError if the tokenizer does not fit weights for ``vocabulary`` tokens, or knows no text."""
    refusal = partial(_refusal, name, folder)
    if checked.ids > vocabulary:
        raise refusal(f"has {checked.ids} tokens but its weights {vocabulary}; the two do not belong together")
    with native_calls.caught(lambda why: refusal(f"does not work ({why})")):
        size = tokenizer.get_vocab_size()
        if size < _USED * vocabulary:
            raise refusal(f"has {size} tokens but its weights {vocabulary}; the two do not belong together")
        shares = [_known(tokenizer, checked, text) for text in SAMPLE]
        best = max(range(len(SAMPLE)), key=shares.__getitem__)
        if shares[best] < _KNOWN:
            raise refusal("knows hardly a word of any language, so texts would become empty or unknown")
        if _known(tokenizer, checked, SAMPLE[best].title()) < 0.5 * shares[best]:
            raise refusal(
                "knows no capitals, so words with one become unknown (check do_lower_case in tokenizer_config.json)"
            )
        if not any(tokenizer.encode(SAMPLE[best]).special_tokens_mask):
            raise refusal("adds no special tokens such as [CLS] and [SEP] to a text, which its weights expect")


def _refusal(name: str, folder: Path, what: str) -> EncoderError:
    return EncoderError(f"encoder {name!r}: its tokenizer {what}: put the {TOKENIZER} that goes with it into {folder}.")


def _unconverted(folder: Path, why: str) -> str:
    pieces = any((folder / file).is_file() for file in VOCABULARIES if file.endswith(".model"))
    more = "; a SentencePiece model can be converted only with the package sentencepiece" if pieces else ""
    return f"cannot be read ({why}{more})"


def _known(tokenizer: "tokenizers.Tokenizer", checked: Checked, text: str) -> float:
    """Return the share of a text's letters that are in a known token."""
    encoding = tokenizer.encode(text, add_special_tokens=False)
    covered = set[int]()
    for number, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
        if number != checked.unknown:
            covered |= set(range(start, end))
    letters = [place for place, char in enumerate(text) if char.isalpha()]
    return sum(place in covered for place in letters) / len(letters)


def _content(folder: Path) -> bytes:
    file = folder / TOKENIZER
    if file.is_file():
        if file.stat().st_size > tokenizer_file.LARGEST:
            raise ValueError(f"it has {file.stat().st_size >> 20} MB")
        return file.read_bytes()
    return _converted(folder).to_str().encode("utf-8")


def _converted(folder: Path) -> "tokenizers.Tokenizer":
    import transformers

    with silence():
        slow = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_fast=True
        )
    tokenizer: tokenizers.Tokenizer = slow.backend_tokenizer
    return tokenizer
