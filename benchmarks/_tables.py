"""Tables drawn from a number: shapes, cells, formats, encodings, compressions, damage. Knows nothing of Penna."""

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

WORDS = [
    "good",
    "bad",
    "card",
    "lost",
    "where",
    "money",
    "refund",
    "the",
    "a",
    "was",
    "not",
    "very",
    "film",
    "slow",
    "thanks",
]
ACCENTS = ["café", "naïve", "Straße", "über", "niño", "mañana", "garçon", "élève", "déjà", "größer"]
OTHERS = ["карта потеряна", "где деньги", "我的卡丢了", "服务很差", "カードをなくした", "كارت", "κάρτα", "zażółć gęślą"]
ODD = [
    "\u00a0",
    "\u3000",
    "\u2028",
    "\u0085",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1f",
    "\ufeff",
    "\U0001f600",
    "e\u0301",
    "\x1b[2J",
]
HEADERS = (
    ["text", "label"], ["Review Text", "Rating"], ["", "label"], ["text", "text"], ["0", "1"], ["x" * 400, "label"],
    ["sentence", "class"], ["Текст", "label"],
)  # fmt: skip
FORMATS = ("csv", "csv", "csv", "tsv", "semicolon", "txt", "jsonl", "json", "parquet", "conll")
ENCODINGS = (
    *("utf-8",) * 10, "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "mac_roman", "cp437", "gb18030",
    "shift_jis", "koi8_r", "utf-7", "cp1251", "iso2022_jp",
)  # fmt: skip
PACKINGS = (*("",) * 6, ".gz", ".bz2", ".xz", ".zst", ".zip")


@dataclass(frozen=True)
class Drawn:
    """A table on disk. ``target``: a column's name, or None. ``plain``: whether texts must come back as they are."""

    path: Path
    what: str
    texts: Sequence[str]
    target: str | None
    damaged: bool
    plain: bool


def drawn(seed: int, number: int, folder: Path) -> Drawn:
    """The table of this number."""
    chance = random.Random(f"{seed} {number}")
    form, encoding, packing = chance.choice(FORMATS), chance.choice(ENCODINGS), chance.choice(PACKINGS)
    rows, texts = chance.choice((1, 2, 3, 12, 30, 60, 200)), _TEXTS[kind := chance.choice(list(_TEXTS))]
    cells = [texts(chance) for _ in range(rows)]
    if form == "conll":  # a sentence has words
        cells = [cell if _words(cell) else "a" for cell in cells]
    labels, header = _labels(chance, rows), chance.choice((*HEADERS, None, None))
    if form in ("jsonl", "json", "parquet", "conll"):
        header = ["text", "label"]
    alone = form == "txt" or chance.random() < 0.1
    encoding = "utf-8" if form == "parquet" else encoding
    content = _written(form, cells, labels, header, alone, chance)
    data = content if isinstance(content, bytes) else content.encode(encoding, "replace")
    lossy = isinstance(content, str) and data.decode(encoding, "replace") != content
    damage = chance.choice((*("none",) * 8, *_DAMAGE))
    data = _DAMAGE[damage](data, chance) if damage != "none" else data
    data = _packed(data, packing)
    if torn := (packing and chance.random() < 0.15):
        data = _DAMAGE[chance.choice(("cut", "flipped"))](data, chance)
    suffix = {"semicolon": "csv"}.get(form, form)
    suffix = chance.choice((suffix, suffix, suffix, "data", "CSV")) if form in ("csv", "tsv") else suffix
    path = folder / f"table.{suffix}{packing if chance.random() < 0.9 else ''}"
    path.write_bytes(data)
    what = f"{form} {encoding}{packing} {rows} rows of {kind}, header {header and [n[:12] for n in header]}"
    what += f"{', alone' * alone}, {damage}{', torn' * bool(torn)}"
    target = None if alone else chance.choice((None, "label", header[-1] if header else "column_2"))
    plain = (
        encoding.startswith("utf-")
        and encoding != "utf-7"
        and not lossy
        and form not in ("conll", "txt")
        and kind not in ("lists", "json", "nul", "numbers")
    )
    return Drawn(
        path, what, cells, target, damage != "none" or bool(torn) or lossy, plain and header == ["text", "label"]
    )


def _words(cell: str) -> list[str]:
    return [word for word in cell.split(" ") if word.strip("\r\n\t ")]


def _sentence(chance: random.Random, words: Sequence[str], most: int = 14) -> str:
    return " ".join(chance.choices(words, k=chance.randint(2, most)))


_TEXTS: dict[str, Callable[[random.Random], str]] = {
    "words": lambda chance: _sentence(chance, WORDS),
    "accents": lambda chance: _sentence(chance, [*WORDS, *ACCENTS]),
    "scripts": lambda chance: _sentence(chance, [*WORDS, *OTHERS]),
    "odd": lambda chance: chance.choice(ODD).join(chance.choices(WORDS, k=6)),
    "signs": lambda chance: _sentence(
        chance, [*WORDS, '"', "'", ",", ";", "\t", "|", "\\", "\n", "\r\n", '""', "{", "["]
    ),
    "empty": lambda chance: chance.choice(["", " ", "a", _sentence(chance, WORDS), "NA", "None"]),
    "numbers": lambda chance: str(chance.choice([chance.randint(-9, 9**9), chance.random(), "1e999", "NaN", "inf"])),
    "markup": lambda chance: (
        "<p>" * chance.randint(0, 9) + _sentence(chance, WORDS) + "&amp;<br/>" + "<!--" * chance.randint(0, 9)
    ),
    "lists": lambda chance: str(chance.choices(WORDS, k=4)),
    "json": lambda chance: json.dumps({"a": chance.choices(WORDS, k=2)}),
    "formulas": lambda chance: chance.choice("=+-@") + _sentence(chance, WORDS),
    "long": lambda chance: _sentence(chance, WORDS, 4) + "x" * chance.choice([0, 0, 0, 0, 0, 0, 0, 0, 0, 100_000]),
    "same": lambda chance: "the same words again",
    "nul": lambda chance: "a\0b ".join(chance.choices(WORDS, k=3)),
}


def _labels(chance: random.Random, rows: int) -> list[str]:
    kind = chance.choice(
        ("names", "names", "names", "numbers", "one", "unique", "missing", "lists", "flags", "long", "tags")
    )
    made = {
        "names": lambda i: "ab"[i % 2], "numbers": lambda i: f"{i * 0.37:.2f}", "one": lambda i: "a",
        "unique": lambda i: f"label {i}", "missing": lambda i: chance.choice(["", "a", "b", "NA"]),
        "lists": lambda i: json.dumps(chance.sample(["a", "b", "c"], k=i % 3)), "flags": lambda i: str([i % 2, 1, 0]),
        "long": lambda i: "ab"[i % 2] * 3000, "tags": lambda i: chance.choice(["B-PER O", "O O O", "B-X I-Y"]),
    }  # fmt: skip
    return [made[kind](i) for i in range(rows)]


def _written(
    form: str, cells: list[str], labels: list[str], header: list[str] | None, alone: bool, chance: random.Random
) -> str | bytes:
    end = chance.choice(("\n", "\n", "\r\n", "\r"))
    if form == "txt":
        return "".join(" ".join(cell.split()) + end for cell in cells)
    if form == "conll":
        return "\n\n".join("\n".join(f"{word} O" for word in _words(cell)) for cell in cells) + "\n"
    rows = [
        {"text": cell} if alone else {"text": cell, "label": label} for cell, label in zip(cells, labels, strict=True)
    ]
    if form == "jsonl":
        return "".join(
            json.dumps(row, ensure_ascii=chance.random() < 0.5) + end.replace("\r", "") or "\n" for row in rows
        )
    if form == "json":
        return json.dumps(rows, ensure_ascii=False, indent=chance.choice((None, 1)))
    if form == "parquet":
        return _parquet(rows)
    out = io.StringIO()
    gap = {"tsv": "\t", "semicolon": ";"}.get(form, ",")
    quoting = chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    quoting = csv.QUOTE_ALL if any("\r" in cell for cell in cells) else quoting
    writer = csv.writer(out, delimiter=gap, lineterminator=end, quoting=quoting)
    if header is not None:
        writer.writerow(header[:1] if alone else header)
    writer.writerows(list(row.values()) for row in rows)
    return out.getvalue()


def _parquet(rows: list[dict[str, str]]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), out)
    return out.getvalue()


def _packed(data: bytes, packing: str) -> bytes:
    if packing == ".zst":
        import pyarrow

        return bytes(pyarrow.Codec("zstd").compress(data, asbytes=True))
    if packing == ".zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("table.csv", data)
        return out.getvalue()
    return {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[packing](data)


def _flipped(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data or b"x")
    for _ in range(chance.choice((1, 3, 30))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def _inserted(what: bytes, times: int = 3) -> Callable[[bytes, random.Random], bytes]:
    def put(data: bytes, chance: random.Random) -> bytes:
        for _ in range(times):
            at = chance.randrange(len(data) + 1)
            data = data[:at] + what + data[at:]
        return data

    return put


_DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": lambda data, chance: data[: chance.randrange(len(data) + 1)],
    "flipped": _flipped,
    "quotes": _inserted(b'"'),
    "separators": _inserted(b","),
    "line ends": _inserted(b"\n\n"),
    "NUL": _inserted(b"\0"),
    "noise": lambda data, chance: _inserted(chance.randbytes(200), 1)(data, chance),
    "twice": lambda data, chance: data + data,
    "long line": lambda data, chance: data + b"x" * 3_000_000 + b"\n",
    "empty lines": lambda data, chance: data + b"\n" * 400_000 + data,
    "wide": lambda data, chance: data + b"," * 200_000 + b"\n",
    "brackets": lambda data, chance: b"[" * 100_000 + data,
    "control": _inserted(b"\x1a\x01\x02", 9),
    "nothing": lambda data, chance: b"",
    "backwards": lambda data, chance: data[::-1],
}
