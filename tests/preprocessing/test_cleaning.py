"""The contract of every step of cleaning in the folder, then what each is for."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penna import AutoText, plugins
from penna.data.table import Table
from penna.errors import SettingError
from penna.preprocessing import cleaning as clean
from penna.preprocessing import cleaning_choices
from penna.preprocessing.cleaning.base import Cleaning
from penna.search.recipe import Recipe

ASKED = [
    f"{name}:{choice}".rstrip(":")
    for name in plugins.names(clean.ROOM)
    for choice in plugins.find(clean.ROOM, name).CHOICES
]
#: Pieces that steps react to, next to whatever hypothesis thinks of.
PIECES = [
    "<b>", "</p>", "<br/>", "<!-- x -->", "<script>", "</script>", "<3", "&amp;", "&lt;", "&#x3c;", "&amp;amp;", "&",
    "http://a.b/c", "www.x.org", "@ann", "ann@x.org", "@", ".", ";", "1", "2,000.5", "٣", "A", "İ", "ß", "ΑΣ", "ﬁ",
    "â€™", "Ã©", "Ã", "’", "e\u0301", "\u200b", "\ufeff", "\x00", "\x85", "\ud800", "\n", "\t", " ", "\u00a0", "字",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join)
#: The longest that one character can become: U+FDFA in its compatible form.
LONGEST = 18


def column(*cells):
    out = np.empty(len(cells), dtype=object)
    out[:] = cells
    return out


@pytest.mark.parametrize("asked", ASKED)
@settings(max_examples=40, deadline=None)
@given(text=texts)
@example(text="")
def test_a_step_gives_a_text_of_bounded_length_and_twice_is_once(asked, text):
    cleaning = Cleaning.of(asked)
    once = cleaning.text(text)
    assert isinstance(once, str)
    assert len(once) <= LONGEST * len(text) + len("[missing]")
    assert cleaning.text(once) == once


@pytest.mark.parametrize("asked", ASKED)
def test_a_step_survives_json_and_its_own_name(asked):
    cleaning = Cleaning.of(asked)
    assert Cleaning.from_json(cleaning.to_json()) == cleaning
    assert Cleaning.of(str(cleaning)) == cleaning


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    "piece", ["<", "<b", "<!--", "<script>", "&amp;", "&#38;#38;", "@", "a@", "a.", "www.", "â€", "1,"]
)
def test_long_runs_of_half_a_pattern_are_read_in_one_pass(asked, piece):
    # An expression that goes back for every character would take minutes here.
    text = piece * 100_000
    assert len(Cleaning.of(asked).text(text)) <= len(text)


@pytest.mark.parametrize("asked", ASKED)
def test_plain_words_are_left_alone(asked):
    assert Cleaning.of(asked).text("plain words stay as they are") == "plain words stay as they are"


def test_what_is_unknown_is_named_with_what_there_is():
    with pytest.raises(SettingError, match="markup"):
        Cleaning.of("polish")
    with pytest.raises(SettingError, match="nfkc"):
        Cleaning.of("unicode:nfx")
    with pytest.raises(SettingError, match="offers none"):
        Cleaning.of("case:upper")


def test_broken_encodings_markup_and_links_are_put_right():
    usual = Cleaning.of("unicode+markup+links+spaces")
    assert usual.text("I donâ€™t &amp; wonâ€™t<br />pay for  a cafÃ©") == "I don't & won't pay for a café"
    assert usual.text("@ann: see <a href='http://x.org'>this</a> at www.x.org/a") == "@user: see this at http"
    assert usual.text("&lt;p&gt;twice&lt;/p&gt;<!-- no --><style>p {}</style>") == "twice"


def test_what_only_looks_like_markup_stays():
    markup = Cleaning.of("markup")
    for text in ("i <3 you", "a < b > c", "List<String>", "<user> says", "AT&T", "?a=1&copy=2", "x<y"):
        assert markup.text(text) == text


def test_cleaned_and_raw_tables_have_their_own_hashes():
    raw = Table({"a": column("<b>x</b>", "x", "y"), "b": column("", "", "z")})
    before = raw.hashes.copy()
    cleaned = Cleaning.of("markup")(raw)
    assert cleaned.full_text.tolist() == ["x", "x", "y\nz"]
    assert cleaned.hashes[0] == cleaned.hashes[1] == before[1]
    assert (raw.hashes == before).all()
    assert before[0] != before[1]
    assert Cleaning.of("none")(raw) is raw


def test_empty_cell_becomes_a_marker():
    table = Cleaning.of("missing")(Table({"title": column("", "t"), "text": column("x", "y")}))
    assert table.full_text.tolist() == ["[missing]\nx", "t\ny"]


def test_only_what_changes_the_rows_is_offered():
    plain = Table({"text": column(*(f"row of  words {chr(97 + i % 20)}" for i in range(100)))})
    assert cleaning_choices.offered(plain) == ()
    broken = Table({"text": column(*(f"donâ€™t {chr(97 + i % 20)}" for i in range(100)))})
    assert cleaning_choices.offered(broken) == ("unicode+markup+spaces", "none")
    linked = Table({"text": column(*(f"@user{i} see http://x/{i}" for i in range(100)))})
    assert cleaning_choices.offered(linked) == ("none", "unicode+markup+links+spaces")
    assert cleaning_choices.offered(linked, "none") == ()
    assert cleaning_choices.offered(plain, "case + spaces") == ("case+spaces",)
    gaps = Table({"title": column(*["", "t"] * 50), "text": column(*["x"] * 100)})
    assert cleaning_choices.offered(gaps) == ("none", "missing")


def test_first_recipe_of_a_family_also_has_other_cleaning():
    portfolios = [[Recipe.of("a", c=1), Recipe.of("a", c=2)], [], [Recipe.of("b")]]
    made = cleaning_choices.cleaned(portfolios, ("spaces", "none", "case"))
    assert [(r.family, r["clean"]) for r in made] == [
        ("a", "spaces"), ("a", "spaces"), ("b", "spaces"), ("a", "none"), ("b", "none"),
    ]  # fmt: skip
    assert cleaning_choices.cleaned(portfolios, ()) == [*portfolios[0], *portfolios[2]]


@pytest.mark.slow
def test_a_fit_shows_what_cleaning_changed_of_the_texts(tmp_path):
    texts = [f"<p>{word} film number {i}</p>" for i in range(40) for word in ("good", "bad")]
    steps = "unicode+markup+spaces"
    auto = AutoText(budget=8, families=("linear",), text_cleaning=steps, out=tmp_path / "run").fit(
        texts, ["pos", "neg"] * 40
    )
    (said,) = [f for f in auto.record_["checks"]["findings"] if f["kind"] == "cleaned text"]
    assert said["count"] == 80 - auto.test_scores_["rows"]  # those are nobody's to look at
    assert "film number 0</p>' is read as" in said["examples"][0]
    assert f"reads cleaned ({steps})" in auto.bundle_.manifest["cleaned"]
    assert "reads cleaned" in (tmp_path / "run" / "model" / "README.md").read_text()
