"""Encodings: found by the letters that languages have; a weak guess is named with an example; --encoding decides."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from penna import AutoText
from penna.cli import app
from penna.data.readers.legacy_charset import guessed
from penna.data.readers.read_table import Form, read
from penna.errors import TableError

TEXTS = {
    "French": [
        "Le café était très bon, mais décevant.",
        "Où est ma carte ? Perdue à l'hôtel.",
        "L'élève a reçu sa note.",
    ],
    "German": ["Schöne Grüße aus München.", "Die Straße war überfüllt.", "Größer als erwartet, schön."],
    "Spanish": ["¿Dónde está mi tarjeta?", "El niño comió y después bebió.", "La habitación era pequeña, mañana más."],
    "Swedish": [
        "Jag är mycket nöjd med köpet.",
        "Många människor åker till Göteborg.",
        "Köket var rent, på sätt och vis.",
    ],
    "Polish": ["Zażółć gęślą jaźń, zjedz śniadanie.", "Dziękuję, działa świetnie.", "Książka była ciekawa."],
    "Czech": ["Příliš žluťoučký kůň úpěl.", "Děkuji za rychlé dodání, zboží v pořádku.", "Personál velmi přátelský."],
    "Turkish": ["Ürün çok güzel ama kargo geç geldi.", "İstanbul'da hava çok sıcak, şapka takın.", "Yardımcı olmadı."],
    "Russian": ["Товар пришёл быстро, всё работает.", "Очень плохое обслуживание.", "Где моя карта? Вчера потерял."],
    "Greek": ["Το προϊόν είναι πολύ καλό.", "Δεν μου άρεσε η εξυπηρέτηση.", "Πού είναι η κάρτα μου;"],
    "Hebrew": ["המוצר מצוין והמשלוח היה מהיר.", "השירות היה גרוע מאוד.", "איפה הכרטיס שלי?"],
    "Arabic": ["المنتج ممتاز والشحن كان سريعا.", "الخدمة سيئة جدا ولن أعود.", "أين بطاقتي؟ لقد فقدتها أمس."],
    "Japanese": [
        "この製品はとても良いです。また買います。",
        "サービスが悪くて、二度と行きません。",
        "昨日なくしました。",
    ],
    "Chinese": ["这个产品非常好,物流也很快。", "服务态度很差,再也不会来了。", "我的卡在哪里?昨天丢了。"],
    "Korean": ["이 제품은 정말 좋아요.", "서비스가 너무 나빠서 다시는 안 갈 거예요.", "어제 잃어버렸어요."],
    "English": [
        "It’s a “great” product – I’d buy it…",
        "Don’t buy this, it’s broken — really.",
        "The café wasn’t cheap.",
    ],
}
ENCODINGS = {
    "French": "cp1252 mac_roman cp850 cp437", "German": "cp1252 mac_roman cp850 cp437",
    "Spanish": "cp1252 mac_roman cp850 cp437", "Swedish": "cp1252 mac_roman cp850 cp437",
    "Polish": "cp1250 iso8859_2 cp852", "Czech": "cp1250 iso8859_2 cp852", "Turkish": "cp1254 cp857",
    "Russian": "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic", "Greek": "cp1253 iso8859_7", "Hebrew": "cp1255",
    "Arabic": "cp1256", "Japanese": "cp932 euc_jp iso2022_jp", "Chinese": "gb18030 big5", "Korean": "cp949",
    "English": "cp1252 mac_roman",
}  # fmt: skip


def table(path, texts, encoding):
    rows = "".join(f'"{text}",{"ab"[i % 2]}\n' for i, text in enumerate(texts))
    path.write_bytes(("text,label\n" + rows).encode(encoding))
    return path


@pytest.mark.parametrize("language", ENCODINGS)
def test_letters_of_a_language_decide_the_encoding(tmp_path, language):
    for encoding in [*ENCODINGS[language].split(), "utf-16-le", "utf-16-be", "utf-16", "utf-8", "utf-8-sig"]:
        texts = [text.encode(encoding, "ignore").decode(encoding) for text in TEXTS[language]]
        path = table(tmp_path / f"{encoding}.csv", texts, encoding)
        found, findings = read(path)
        assert found.text["text"].tolist() == texts, encoding
        plain = encoding.startswith("utf-8")
        assert [finding.kind for finding in findings] == ([] if plain else ["encoding"]), encoding
        assert plain or encoding.startswith(("utf-16", "iso2022")) or "pass --encoding if" in findings[0].message


def test_weak_charset_guess_shows_an_example(tmp_path):
    path = table(
        tmp_path / "a.csv", ["abc \xe9\xf0\xfe\xb3\xf5\xe6\xdd def", "g \xe6\xdd\xb3\xf0 h", "i \xfe\xf5 j"], "latin-1"
    )
    finding = read(path)[1][0]
    assert finding.severity == "warning"
    assert "which is a weak guess ('\"abc " in finding.message
    assert "pass --encoding" in finding.message


def test_seven_bit_letters_are_pointed_at(tmp_path):
    path = table(tmp_path / "a.csv", TEXTS["French"], "utf-7")
    assert "may be UTF-7 ('caf+AOk' would be 'café'): pass --encoding utf-7" in read(path)[1][0].message
    found, findings = read(path, form=Form(encoding="utf-7"))
    assert (found.text["text"].tolist(), findings) == (TEXTS["French"], [])
    plain = table(
        tmp_path / "b.csv", ["call +49 170 1234567", "1+1=2 and C++", "+4915112345678 or +1-202-555"], "utf-8"
    )
    assert read(plain)[1] == []


def test_bytes_that_a_named_encoding_does_not_have_are_counted(tmp_path):
    path = table(tmp_path / "a.csv", TEXTS["French"], "cp1252")
    found, findings = read(path, form=Form(encoding="ascii"))
    assert found.text["text"][2] == "L'\ufffdl\ufffdve a re\ufffdu sa note."
    (finding,) = findings
    assert "U+FFFD: 3 (rows 1, 2, 3)" in finding.message


def test_a_mark_goes_before_the_same_encoding_by_name(tmp_path):
    for encoding, name in (("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("utf-16", "utf-16")):
        path = table(tmp_path / "a.csv", TEXTS["Greek"], encoding)
        assert read(path, form=Form(encoding=name))[0].text["text"].tolist() == TEXTS["Greek"]


def test_an_encoding_that_cannot_decode_is_one_sentence(tmp_path):
    path = table(tmp_path / "a.csv", TEXTS["German"] * 9, "utf-8")
    for name in ("utf-32", "idna", "punycode", "cp037"):
        with pytest.raises(TableError):
            read(path, form=Form(encoding=name))


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_have_a_guess(content):
    content.decode(guessed(content).encoding, "replace")


@pytest.mark.slow
def test_the_encoding_goes_through_every_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "a.csv", [f"{text} {i}" for i in range(14) for text in TEXTS["French"]], "utf-7")
    said = ["--encoding", "utf-7"]

    def run(*args):
        found = CliRunner().invoke(app, [*args, *said])
        assert found.exit_code == 0, found.output
        assert "may be UTF-7" not in found.output
        return found.stdout

    run("check", "a.csv", "--budget", "5")
    run("fit", "a.csv", "--budget", "6", "--families", "linear", "--out", "run")
    assert json.loads(run("evaluate", "run", "a.csv", "--json"))["rows"] == 42
    assert "Le café était" in run("predict", "run", "a.csv")
    assert "café" in run("explain", "run", "a.csv", "--rows", "1", "--json")
    auto = AutoText(budget=6, families=("linear",), encoding="utf-7").fit(tmp_path / "a.csv", "label")
    assert len(auto.predict(tmp_path / "a.csv")) == 42
