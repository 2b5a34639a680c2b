"""Opens an export as text: gzip or not, its encoding found or refused. Knows neither JSON nor CSV nor any vendor."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from chatbot.errors import FormatError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_HEAD = 1024 * 1024
_BOMB_FREE = 64 * 1024 * 1024
_BOMB_RATIO = 200
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What `surrogateescape` makes of a byte that is not UTF-8.
ESCAPED = re.compile("[\udc80-\udcff]")
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a]")
_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
_MAGIC = {b"PK\x03\x04": "a ZIP archive", b"%PDF": "a PDF", b"\xd0\xcf\x11\xe0": "an old Office file", b"BZh": "bzip2",
          b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"SQLite format": "an SQLite database"}  # fmt: skip


@contextmanager
def open_text(path: Path, encoding: str | None = None, newline: str | None = None) -> Iterator[IO[str]]:
    """The file as a text stream from its first character (no byte order mark). Bytes of a UTF-8 file that are not
    UTF-8 come as lone surrogates that `ESCAPED` finds, so that one spoiled line does not cost the file.

    Raises FormatError: not there, empty, an archive, wrong encoding, truncated gzip, or gzip that expands without
    bound.
    """
    try:
        raw = path.open("rb")
    except OSError as exc:
        raise FormatError(f"{path} cannot be opened: {exc.strerror}.") from exc
    with raw:
        buffered: IO[bytes] = raw
        if raw.peek(2)[:2] == b"\x1f\x8b":
            buffered = io.BufferedReader(_Gunzip(raw, path), 1 << 18)
        with _explained(path):
            head = _head(buffered)
            found = encoding or _encoding_of(head, path)
            errors = "surrogateescape" if found.startswith("utf-8") else "strict"
            try:
                text = io.TextIOWrapper(
                    io.BufferedReader(_Rejoined(head, buffered), 1 << 18), found, errors, newline=newline
                )
            except LookupError as exc:
                raise FormatError(
                    f"There is no encoding named {found!r}; utf-8, utf-16, cp1252 and gb18030 are."
                ) from exc
            yield text


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as exc:
        raise FormatError(
            f"{path.name} is not {exc.encoding} throughout: byte 0x{exc.object[exc.start]:02X} does not fit; "
            "nothing was imported from it. Save it as UTF-8, or name its encoding with --encoding."
        ) from exc
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise FormatError(
            f"{path.name} is a broken gzip file ({exc}); nothing was imported from it. Fetch it again."
        ) from exc


def _head(stream: IO[bytes]) -> bytes:
    parts, size = [], 0
    while size < _HEAD and (part := stream.read(_HEAD - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _encoding_of(head: bytes, path: Path) -> str:
    if not head.strip():
        raise FormatError(f"{path.name} is empty; there is nothing to import.")
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise FormatError(f"{path.name} is {what}, not text; unpack it or export it as JSON, JSONL or CSV.")
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    sample = head[:4096]
    if b"\x00" in sample:
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        if (
            not _CONTROL.search(sample.replace(b"\x00", b""))
            and max(even, odd) > len(sample) * 0.2
            and min(even, odd) < len(sample) * 0.05
        ):
            return "utf-16-be" if even > odd else "utf-16-le"
        if head.count(b"\x00", 0, 4096) > 8:
            raise FormatError(f"{path.name} is binary, not text; export it as JSON, JSONL or CSV.")
    _refuse_other_than_utf8(head, path)
    return "utf-8"


def _refuse_other_than_utf8(head: bytes, path: Path) -> None:
    """A stray byte in a file that otherwise holds proper UTF-8 is left to its line; else the file is of another
    encoding.
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError as exc:
        valid = sum(1 for match in _MULTIBYTE.finditer(head) if match.start() != exc.start)
        broken = len(ESCAPED.findall(head.decode("utf-8", "surrogateescape")))
        if valid > broken:
            return
        line = head.count(b"\n", 0, exc.start) + 1
        column = exc.start - (head.rfind(b"\n", 0, exc.start) + 1) + 1
        raise FormatError(
            f"{path.name}, line {line}, byte {column}: 0x{head[exc.start]:02X} is not UTF-8; "
            f"the file looks like {_guess(head)}. Nothing was imported from it: save it as UTF-8, "
            "or name its encoding with --encoding."
        ) from exc


def _guess(head: bytes) -> str:
    try:
        chinese = codecs.getincrementaldecoder("gb18030")().decode(head)
    except UnicodeDecodeError:
        return "Windows-1252 (cp1252)"
    foreign = [char for char in chinese if ord(char) > 127]
    common = sum("\u4e00" <= char <= "\u9fff" or char in "，。！？：；、（）" for char in foreign)
    return "GB18030" if foreign and common > 0.9 * len(foreign) and len(foreign) > 3 else "Windows-1252 (cp1252)"


class _Rejoined(io.RawIOBase):
    """The head that was looked at, then the rest of the stream."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        part: ReadableBuffer = self._head[: len(view)] if len(self._head) else self._rest.read(len(view))
        size = len(memoryview(part))
        view[:size] = part
        self._head = self._head[size:] if len(self._head) else self._head
        return size


class _Gunzip(io.RawIOBase):
    """Inflates; gives up when the output outgrows the input beyond what text can do."""

    def __init__(self, raw: IO[bytes], path: Path) -> None:
        self._raw = raw
        self._path = path
        self._gzip = gzip.GzipFile(fileobj=raw, mode="rb")
        self._out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        size = self._gzip.readinto(buffer)
        self._out += size
        if self._out > _BOMB_FREE and self._out > _BOMB_RATIO * self._raw.tell():
            raise FormatError(
                f"{self._path.name} expands to more than {_BOMB_RATIO} times its size, as a gzip bomb does; "
                "nothing was imported from it. Unpack it yourself if you trust it."
            )
        return size
