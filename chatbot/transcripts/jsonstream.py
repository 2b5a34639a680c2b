"""JSON records one at a time out of a text stream: a record a line, an array, or an array inside an object. Knows no
vendor.

Not `ijson`: the C scanner of `json` on a sliding buffer is faster, gives line numbers, can go on after a bad record,
and holds no more than one record, however long a single string claims to be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from chatbot.errors import FormatError
from chatbot.transcripts.contract import BadRecord, Record
from chatbot.transcripts.opening import ESCAPED

# Keys under which vendors list their records, at the top or one level down.
LISTS = (
    "tickets",
    "conversations",
    "comments",
    "users",
    "results",
    "data",
    "payload",
    "items",
    "records",
    "transcripts",
)
_CHUNK = 1 << 20
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_MARK = re.compile(r'["{}\[\]]')
_STRING_END = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def iter_json(stream: IO[str], file: str, limit: int) -> Iterator[Record | BadRecord]:
    """Every object in the stream, in order; values that are no objects, do not parse or exceed `limit` characters are
    BadRecords.

    Raises FormatError when the file as a whole breaks off or is no JSON.
    """
    buffer = _Buffer(stream, file, limit)
    first = buffer.peek()
    if first == "[":
        yield from _array(buffer)
    elif first == "{":
        if buffer.first_line_is_record():
            yield from _lines(buffer)
        else:
            yield from _objects(buffer)
    else:
        raise FormatError(f"{file} is neither JSON nor JSONL: it begins with {first!r}.")


class _Buffer:
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

    def first_line_is_record(self) -> bool:
        """Is this a record a line? Yes if the first line is one whole object and holds no list of records, or if it
        is broken and the second is one.
        """
        while (end := self.text.find("\n", self.pos)) < 0 and len(self.text) - self.pos <= self.limit and self.more():
            pass
        if end < 0:
            value = _try(self.text[self.pos :])
            return value is not None and not _wraps(value)
        first = _try(self.text[self.pos : end])
        if first is not None:
            return not _wraps(first)
        second_end = self.text.find("\n", end + 1)
        return _try(self.text[end:] if second_end < 0 else self.text[end:second_end]) is not None

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
                    raise ValueError(_not_utf8(bad.group()))
                self.take(end)
                return value

    def skip_value(self) -> None:
        """Moves behind the array or object at `pos`, of any size, without keeping it. Raises FormatError at the end
        of the file.
        """
        depth, in_string, began = 0, False, self.line
        while True:
            match = (_STRING_END if in_string else _MARK).search(self.text, self.pos)
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
                continue
            depth += 1 if mark in "{[" else -1
            if depth == 0:
                return

    def broken_off(self, line: int) -> FormatError:
        return FormatError(
            f"{self.file} breaks off inside the record that begins on line {line}; nothing was imported from it. "
            "Export or fetch it again."
        )


def _not_utf8(escaped: str) -> str:
    return f"byte 0x{ord(escaped) - 0xDC00:02X} is not UTF-8"


def _try(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _wraps(value: dict[str, Any]) -> bool:
    """Is the object a page of records rather than a record? A record has an id or turns of its own."""
    return _listing(value) is not None


def _listing(value: dict[str, Any]) -> list[Any] | None:
    if any(key in value for key in ("id", "display_id", "turns", "messages", "ticket_id")):
        return None
    if isinstance(value.get("tickets"), list):  # Zendesk lists people and comments beside the tickets
        lists = (value.get(key) for key in ("users", "tickets", "comments"))
        return [item for items in lists if isinstance(items, list) for item in items]
    for key in LISTS:
        inner = value.get(key)
        if isinstance(inner, list) and (not inner or isinstance(inner[0], dict)) and not _is_sharegpt(inner):
            return inner
        if isinstance(inner, dict) and (nested := _listing(inner)) is not None:
            return nested
    return None


def _is_sharegpt(items: list[Any]) -> bool:
    return bool(items) and "value" in items[0] and "from" in items[0]


def _lines(buffer: _Buffer) -> Iterator[Record | BadRecord]:
    while True:
        end = buffer.text.find("\n", buffer.pos)
        if end < 0:
            if len(buffer.text) - buffer.pos > buffer.limit:
                yield BadRecord(buffer.file, buffer.line, f"the line is longer than {buffer.limit:,} characters")
                _skip_line(buffer)
                continue
            if buffer.more():
                continue
            end = len(buffer.text)
        line = buffer.text[buffer.pos : end]
        if line.strip():
            yield _line(line, buffer)
        if end == len(buffer.text) and buffer.ended:
            return
        buffer.take(min(end + 1, len(buffer.text)))


def _line(line: str, buffer: _Buffer) -> Record | BadRecord:
    if len(line) > buffer.limit:
        return BadRecord(buffer.file, buffer.line, f"the line is longer than {buffer.limit:,} characters")
    if buffer.spoiled and (bad := ESCAPED.search(line)):
        return BadRecord(buffer.file, buffer.line, _not_utf8(bad.group()))
    try:
        value = json.loads(line)
    except json.JSONDecodeError as exc:
        return BadRecord(buffer.file, buffer.line, f"not JSON: {exc.msg} at column {exc.colno}")
    except (ValueError, RecursionError) as exc:
        return BadRecord(buffer.file, buffer.line, f"not usable JSON: {type(exc).__name__}")
    return _record(value, buffer.line, buffer.file)


def _skip_line(buffer: _Buffer) -> None:
    while (end := buffer.text.find("\n", buffer.pos)) < 0:
        buffer.pos = len(buffer.text)
        if not buffer.more():
            return
    buffer.take(end + 1)


def _record(value: Any, line: int, file: str) -> Record | BadRecord:
    if not isinstance(value, dict):
        return BadRecord(file, line, f"a JSON {type(value).__name__}, not an object")
    return Record(line, value)


def _array(buffer: _Buffer) -> Iterator[Record | BadRecord]:
    """The items of the array that begins at `pos`; afterwards `pos` is behind it."""
    began = buffer.line
    buffer.take(buffer.pos + 1)
    while (char := buffer.peek()) != "]":
        if char == ",":
            buffer.take(buffer.pos + 1)
            continue
        if not char:
            raise buffer.broken_off(began)
        began, reason = buffer.line, ""
        try:
            value = buffer.value()
        except OverflowError:
            reason = f"the record is longer than {buffer.limit:,} characters"
        except ValueError as exc:
            if char not in "{[":
                raise FormatError(f"{buffer.file}, line {began}: not JSON; nothing was imported from it.") from exc
            reason = f"not JSON: {exc.msg}" if isinstance(exc, json.JSONDecodeError) else str(exc)
        if reason:
            buffer.skip_value()
            yield BadRecord(buffer.file, began, reason)
        else:
            yield _record(value, began, buffer.file)
    buffer.take(buffer.pos + 1)


def _objects(buffer: _Buffer) -> Iterator[Record | BadRecord]:
    """Objects one after the other, over any number of lines: each a record by itself or a page that lists records."""
    while (char := buffer.peek()) == "{":
        began = buffer.line
        try:
            value = buffer.value()
        except OverflowError:
            yield from _large_object(buffer)
            continue
        except ValueError as exc:
            where = f"{buffer.file}, line {began}"
            raise FormatError(f"{where}: the JSON is broken ({exc.args[0]}); nothing was imported from it.") from exc
        listing = _listing(value)
        if listing is None:
            yield Record(began, value)
        else:
            for number, item in enumerate(listing, 1):
                yield _record(item, number, buffer.file)
    if char:
        raise FormatError(
            f"{buffer.file}, line {buffer.line}: {char!r} where an object should begin; nothing was imported."
        )


def _large_object(buffer: _Buffer) -> Iterator[Record | BadRecord]:
    """Walks the keys of an object that is too large to hold, down to its list of records."""
    began = buffer.line
    buffer.take(buffer.pos + 1)
    while (char := buffer.peek()) not in ("", "}"):
        if char == ",":
            buffer.take(buffer.pos + 1)
            continue
        try:
            key = buffer.value()
            if buffer.peek() != ":":
                raise ValueError(key)
            buffer.take(buffer.pos + 1)
            opening = buffer.peek()
            if opening == "[" and key in LISTS:
                yield from _array(buffer)
            elif opening == "{" and key in LISTS:
                yield from _large_object(buffer)
            elif opening and opening in "[{":
                buffer.skip_value()
            else:
                buffer.value()
        except (ValueError, OverflowError) as exc:
            raise FormatError(
                f"{buffer.file}, line {buffer.line}: the JSON is broken; nothing was imported from it."
            ) from exc
    if not char:
        raise buffer.broken_off(began)
    buffer.take(buffer.pos + 1)
