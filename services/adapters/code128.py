"""Code 128 (ISO/IEC 15417): text to bar and space widths. Drawing the bars is the label's job."""

import re

# Six alternating widths of bars and spaces, a bar first, for each of the values 0 to 105; the stop has a seventh.
_TABLE = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232"
)
_PATTERNS = re.findall(r"\d{6}", _TABLE)
_STOP = "2331112"
_TO_C, _TO_B, _START_B, _START_C = 99, 100, 104, 105
QUIET_MODULES = 10
"""Blank modules that a scanner needs on either side."""


def values_of(text: str) -> list[int]:
    """Return the symbol values from start to check, without the stop.

    Runs of digits go two to a symbol (set C) where that is shorter: four or more at either end, six in the middle.
    Raises ValueError for an empty text and for characters outside printable ASCII.
    """
    if not text or not all(" " <= character <= "~" for character in text):
        raise ValueError(f"a barcode holds printable ASCII and at least one character, not {text!r}")
    values: list[int] = []
    in_c = False
    for run, paired in _runs(text):
        if not values:
            values.append(_START_C if paired else _START_B)
        elif paired != in_c:
            values.append(_TO_C if paired else _TO_B)
        in_c = paired
        if paired:
            values.extend(int(run[at : at + 2]) for at in range(0, len(run), 2))
        else:
            values.extend(ord(character) - 32 for character in run)
    return [*values, check_of(values)]


def check_of(values: list[int]) -> int:
    """Return the check symbol: the start counts once, each later value times its position, modulo 103."""
    return (values[0] + sum(position * value for position, value in enumerate(values[1:], start=1))) % 103


def widths_of(text: str) -> list[int]:
    """Return the widths in modules of bars and spaces in turn, a bar first, quiet zones not included."""
    symbols = [_PATTERNS[value] for value in values_of(text)]
    return [int(width) for width in "".join(symbols) + _STOP]


def _runs(text: str) -> list[tuple[str, bool]]:
    """Split into runs of (characters, whether they are digits to be paired)."""
    runs: list[tuple[str, bool]] = []
    plain_from = 0
    for match in re.finditer(r"[0-9]+", text):
        start, end = match.span()
        worth = 4 if start == 0 or end == len(text) else 6
        if end - start < worth and (start, end) != (0, len(text)):
            continue
        if (end - start) % 2:  # an odd run leaves its first digit to the letters, or its last where none precede
            start, end = (start + 1, end) if start else (start, end - 1)
        if start == end:
            continue
        if plain_from < start:
            runs.append((text[plain_from:start], False))
        runs.append((text[start:end], True))
        plain_from = end
    if plain_from < len(text):
        runs.append((text[plain_from:], False))
    return runs
