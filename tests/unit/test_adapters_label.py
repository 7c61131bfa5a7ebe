"""Labels are read back from the finished PDF: bars are measured and decoded, numbers are checked."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.code128 import QUIET_MODULES, check_of, values_of, widths_of
from services.adapters.labels import WIDTH, LabelText, is_tracking_number, label_pdf, tracking_number
from services.adapters.pdf import MILLIMETRE, Page

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=24)
TEXT = LabelText(("Sample Shop, Returns", "Example Street 12", "00000 Example"), "A10234", "lamp (brass)", "ret_1")

# The decoder's own table, symbol by symbol as a scanner sees it: bars and spaces of values 0 to 106.
PATTERNS = [str(width) for width in (
    212222, 222122, 222221, 121223, 121322, 131222, 122213, 122312, 132212, 221213, 221312, 231212, 112232, 122132,
    122231, 113222, 123122, 123221, 223211, 221132, 221231, 213212, 223112, 312131, 311222, 321122, 321221, 312212,
    322112, 322211, 212123, 212321, 232121, 111323, 131123, 131321, 112313, 132113, 132311, 211313, 231113, 231311,
    112133, 112331, 132131, 113123, 113321, 133121, 313121, 211331, 231131, 213113, 213311, 213131, 311123, 311321,
    331121, 312113, 312311, 332111, 314111, 221411, 431111, 111224, 111422, 121124, 121421, 141122, 141221, 112214,
    112412, 122114, 122411, 142112, 142211, 241211, 221114, 413111, 241112, 134111, 111242, 121142, 121241, 114212,
    124112, 124211, 411212, 421112, 421211, 212141, 214121, 412121, 111143, 111341, 131141, 114113, 114311, 411113,
    411311, 113141, 114131, 311141, 411131, 211412, 211214, 211232,
)]  # fmt: skip


def decoded(widths: list[int]) -> str:
    """Read bar and space widths as a scanner does, or fail."""
    assert widths[-7:] == [2, 3, 3, 1, 1, 1, 2], "the stop is missing"
    symbols = ["".join(map(str, widths[at : at + 6])) for at in range(0, len(widths) - 7, 6)]
    start, *data, check = [PATTERNS.index(symbol) for symbol in symbols]
    assert (start + sum(place * value for place, value in enumerate(data, 1))) % 103 == check, "the check does not fit"
    in_c, text = {104: False, 105: True}[start], ""
    for value in data:
        if value in {99, 100}:
            in_c = value == 99
        else:
            text += f"{value:02d}" if in_c else chr(value + 32)
    return text


def measured(pdf: bytes, height_mm: float) -> list[int]:
    """Measure the bars drawn at this height in the PDF, in modules of the narrowest."""
    bars = []
    for x, _, width, height in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re f", pdf):
        if abs(float(height) - height_mm * MILLIMETRE) < 0.01:
            bars.append((float(x), float(width)))
    module = min(width for _, width in bars)
    widths = [bars[0][1]]
    for (left, left_width), (right, right_width) in pairwise(sorted(bars)):
        widths += [right - left - left_width, right_width]
    assert all(abs(width / module - round(width / module)) < 0.1 for width in widths), "a bar is off its grid"
    assert bars[0][0] >= QUIET_MODULES * module, "the quiet zone is too narrow"
    return [round(width / module) for width in widths]


@given(PRINTABLE)
def test_any_printable_text_reads_back_from_its_bars(text):
    assert decoded(widths_of(text)) == text


def test_the_check_symbol_is_the_published_one():
    # ISO/IEC 15417's weights, worked out by hand for "PJJ123C": 104 + 1*48 + 2*42 + 3*42 + 4*17 + 5*18 + 6*19 + 7*35.
    assert values_of("PJJ123C") == [104, 48, 42, 42, 17, 18, 19, 35, 879 % 103]
    assert check_of([105, 12, 34]) == (105 + 12 + 68) % 103


def test_digits_go_two_to_a_symbol():
    assert len(values_of("RD98582971681708996559")) == 1 + 2 + 1 + 10 + 1


@pytest.mark.parametrize("text", ["", "Grüße", "a\nb", "東"])
def test_text_a_barcode_cannot_hold_is_refused(text):
    with pytest.raises(ValueError, match="printable ASCII"):
        widths_of(text)


def test_the_bars_of_a_finished_label_decode_to_its_tracking_number():
    tracking = tracking_number("some key")
    assert decoded(measured(label_pdf(tracking, TEXT), 25.0)) == tracking


def test_the_same_key_gives_the_same_number_and_the_same_file():
    assert tracking_number("k") == tracking_number("k") != tracking_number("l")
    assert label_pdf(tracking_number("k"), TEXT) == label_pdf(tracking_number("k"), TEXT)


@given(st.text(), st.integers(2, 21), st.integers(1, 9))
def test_every_wrong_digit_is_found(key, place, offset):
    good = tracking_number(key)
    assert is_tracking_number(good)
    wrong = good[:place] + str((int(good[place]) + offset) % 10) + good[place + 1 :]
    assert not is_tracking_number(wrong)


@given(st.text(), st.integers(2, 20))
def test_every_swap_of_neighbours_is_found(key, place):
    good = tracking_number(key)
    swapped = good[:place] + good[place + 1] + good[place] + good[place + 2 :]
    assert is_tracking_number(swapped) == (good[place] == good[place + 1])


@pytest.mark.parametrize("text", ["", "RD", "RD12", "XX98582971681708996559", "RD9858297168170899655९"])
def test_what_is_no_tracking_number_is_told(text):
    assert not is_tracking_number(text)


def test_the_pdf_says_where_each_of_its_objects_begins():
    pdf = label_pdf(tracking_number("k"), TEXT)
    table = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", pdf).group(1))
    offsets = [int(entry) for entry in re.findall(rb"(\d{10}) 00000 n ", pdf[table:])]
    assert len(offsets) == 7
    for number, offset in enumerate(offsets, 1):
        assert pdf[offset:].startswith(b"%d 0 obj\n" % number)
    length, content = re.search(rb"/Length (\d+) >>\nstream\n(.*)\nendstream", pdf, re.DOTALL).groups()
    assert int(length) == len(content)


def test_text_in_a_pdf_is_escaped_cut_and_told_in_letters_its_fonts_know():
    page = Page(WIDTH, 50, title="(x)")
    page.text(8, 10, "Łódź (café) \\ 東 €\n", 10)
    page.text(8, 20, "x" * 500, 10)
    pdf = page.to_bytes()
    assert "(Lódz (café) \\\\ ? € )".replace("(c", "\\(c").replace("é)", "é\\)").encode("cp1252") in pdf
    assert b"xxx...)" in pdf
    assert b"x" * 100 not in pdf
