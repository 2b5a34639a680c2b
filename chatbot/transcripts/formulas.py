"""Cells of CSV that a spreadsheet would run as a formula: guarded by an apostrophe, and taken back. Must not know files.

What begins with = + - @, tab or return is run by spreadsheets, https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(cell: str) -> str:
    """The cell as no spreadsheet runs it. A cell that looks guarded already gets one more apostrophe, so nothing is lost."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell
