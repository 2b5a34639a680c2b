"""A sliding piece of a JSON text stream: decodes or skips one value at a time. Knows no record and no vendor."""

from __future__ import annotations

import json
import re
from typing import IO, Any

from chatbot.errors import FormatError
from chatbot.transcripts.opening import ESCAPED

_CHUNK = 1 << 20
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_MARK = re.compile(r'["{}\[\]]')
_STRING_END = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class Buffer:
    """A sliding piece of the stream: `text[pos:]` is not yet consumed, `line` is the line of `pos`."""

    def __init__(self, stream: IO[str], file: str, limit: int) -> None:
        self.file, self.limit = file, limit
        self.text, self.pos, self.line, self.ended, self.spoiled = "", 0, 1, False, False
        self._stream = stream

    def more(self) -> bool:
        """Reads on, at least doubling what is unread; False at the end of the file."""
        if self.ended:
            return False
        rest = self.text[self.pos :]
        part = self._stream.read(max(_CHUNK, len(rest)))
        self.text, self.pos, self.ended = rest + part, 0, not part
        self.spoiled = self.spoiled or (not part.isascii() and bool(ESCAPED.search(part)))
        return bool(part)

    def take(self, end: int) -> None:
        self.line += self.text.count("\n", self.pos, end)
        self.pos = end

    def peek(self) -> str:
        """The next character that is not white space, "" at the end."""
        while True:
            match = _SPACE.match(self.text, self.pos)
            self.take(match.end() if match else self.pos)
            if self.pos < len(self.text):
                return self.text[self.pos]
            if not self.more():
                return ""

    def value(self) -> Any:
        """Decodes the JSON value at `pos`. Raises ValueError if it is malformed, OverflowError if it exceeds the
        limit; `pos` stays.
        """
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.pos)
            except json.JSONDecodeError as exc:
                incomplete = exc.msg.startswith("Unterminated") or exc.pos >= len(self.text) - 12
                if incomplete and len(self.text) - self.pos > self.limit:
                    raise OverflowError from exc
                if not incomplete or not self.more():
                    raise
            except RecursionError as exc:
                raise ValueError("nested too deeply") from exc
            else:
                if (
                    end == len(self.text)
                    and not self.ended
                    and not isinstance(value, dict | list | str)
                    and self.more()
                ):
                    continue  # a number may go on behind the buffer's end
                if end - self.pos > self.limit:
                    raise OverflowError
                bad = ESCAPED.search(self.text, self.pos, end) if self.spoiled else None
                if bad:
                    raise ValueError(not_utf8(bad.group()))
                self.take(end)
                return value

    def skip_value(self) -> None:
        """Moves behind the array, object or string at `pos` without keeping it. Raises FormatError at the end
        of the file.
        """
        depth, in_string, began = 0, False, self.line
        while True:
            # match, not search: a search for a string's end would begin anew at each of its characters
            match = _STRING_END.match(self.text, self.pos) if in_string else _MARK.search(self.text, self.pos)
            if match is None:
                escaped = in_string and (len(self.text) - len(self.text.rstrip("\\"))) % 2
                self.take(max(self.pos, len(self.text) - (1 if escaped else 0)))
                if not self.more():
                    raise self.broken_off(began)
                continue
            self.take(match.end())
            mark = match.group()[-1]
            if mark == '"':
                in_string = not in_string
            else:
                depth += 1 if mark in "{[" else -1
            if depth == 0 and not in_string:
                return

    def broken_off(self, line: int) -> FormatError:
        return FormatError(
            f"{self.file} breaks off inside the record that begins on line {line}; nothing was imported from it. "
            "Export or fetch it again."
        )


def not_utf8(escaped: str) -> str:
    """The reason for a BadRecord, from the lone surrogate that stands for the byte."""
    return f"byte 0x{ord(escaped) - 0xDC00:02X} is not UTF-8"
