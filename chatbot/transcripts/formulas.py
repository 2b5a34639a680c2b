"""Cells of CSV that a spreadsheet would run as a formula: guarded by an apostrophe, and taken back. Must not know files.

What begins with = + - @ is run by spreadsheets, their full-width forms by those for Chinese, Japanese and Korean, and blanks and
breaks before them are trimmed by some; https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import re

_SIGN = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_BLANK = "\\s\u200b-\u200f\u2060\ufeff"  # what is trimmed or not seen: white space of any kind, zero-width marks
# Tab and break at the start are run whatever follows. With any number of apostrophes before it the same cell, guarded.
_RUN = rf"(?:[{_BLANK}']*+[{_SIGN}]|'*+[\t\r\n])"
_FORMULA, _GUARDED = re.compile(_RUN), re.compile(f"'{_RUN}")


def guarded(cell: str) -> str:
    """The cell as no spreadsheet runs it. A cell that looks guarded already gets one more apostrophe, so nothing is lost."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell
