"""The tokenizer of an encoder's folder: its tokenizer.json, or what transformers makes of its vocabulary.

Checked for what native code could choke on (``tokenizer_file``), and for whether it knows any text at all. No torch.

transformers makes a tokenizer of whatever is there: where a vocabulary is missing, or is one of another kind, every
text becomes empty or unknown, and nothing says so.
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
#: Files that a tokenizer can be made of, each by itself.
VOCABULARIES = (TOKENIZER, "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
#: Ordinary sentences, lower case: one of them at least must be known to a tokenizer.
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
#: Share of the letters of a sentence that a tokenizer must know, where it knows its script.
_KNOWN = 0.5
#: Share of an encoder's rows that its tokenizer must have a token for.
_USED = 0.25


def read(name: str, folder: Path) -> tuple["tokenizers.Tokenizer", Checked]:
    """Return the tokenizer, which neither cuts nor pads, and its file. Raises EncoderError with the reason."""
    made = partial(_refusal, name, folder)
    if not any((folder / file).is_file() for file in VOCABULARIES):
        raise EncoderError(f"encoder {name!r} has no tokenizer: put its {TOKENIZER} into {folder}.")
    with native_calls.caught(lambda why: made(_unconverted(folder, why))):
        content = _content(folder)
    try:
        checked = tokenizer_file.checked(content)
    except ValueError as error:
        raise made(f"cannot be read ({error})") from error
    with native_calls.caught(lambda why: made(f"cannot be read ({why})")):
        return checked.opened(), checked


def check(name: str, folder: Path, tokenizer: "tokenizers.Tokenizer", checked: Checked, vocabulary: int) -> None:
    """Raise EncoderError where the tokenizer does not go with weights for so many tokens, or knows no text."""
    made = partial(_refusal, name, folder)
    if checked.ids > vocabulary:
        raise made(f"knows {checked.ids} tokens but its weights {vocabulary}; the two do not belong together")
    with native_calls.caught(lambda why: made(f"does not work ({why})")):
        known = tokenizer.get_vocab_size()
        if known < _USED * vocabulary:
            raise made(f"knows {known} tokens but its weights {vocabulary}; the two do not belong together")
        shares = [_known(tokenizer, checked, text) for text in SAMPLE]
        best = max(range(len(SAMPLE)), key=shares.__getitem__)
        if shares[best] < _KNOWN:
            raise made("knows hardly a word of any language, so that texts would become empty or unknown")
        if _known(tokenizer, checked, SAMPLE[best].title()) < 0.5 * shares[best]:
            raise made("knows no capitals, which make a word unknown (do_lower_case in tokenizer_config.json?)")
        if not any(tokenizer.encode(SAMPLE[best]).special_tokens_mask):
            raise made("puts no special tokens such as [CLS] and [SEP] around a text, which its weights expect")


def _refusal(name: str, folder: Path, what: str) -> EncoderError:
    return EncoderError(f"encoder {name!r}: its tokenizer {what}: put the {TOKENIZER} that goes with it into {folder}.")


def _unconverted(folder: Path, why: str) -> str:
    pieces = any((folder / file).is_file() for file in VOCABULARIES if file.endswith(".model"))
    more = "; sentence pieces are converted only where the package sentencepiece is installed" if pieces else ""
    return f"cannot be read ({why}{more})"


def _known(tokenizer: "tokenizers.Tokenizer", checked: Checked, text: str) -> float:
    """Return the share of a text's letters that stand in a token that is known."""
    found = tokenizer.encode(text, add_special_tokens=False)
    covered = set[int]()
    for number, (start, end) in zip(found.ids, found.offsets, strict=True):
        if number != checked.unknown:
            covered |= set(range(start, end))
    letters = [place for place, sign in enumerate(text) if sign.isalpha()]
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
