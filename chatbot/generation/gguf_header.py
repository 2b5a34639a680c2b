"""What the head of a .gguf tells: its plain fields and the kinds of its tensors. Must not read vocabularies or weights.

gguf's own reader makes an object of each of the 98,000 entries of a vocabulary, 2 s at every start; here they are passed over.
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import ModelError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_STRING, _ARRAY = 8, 9
_FORMS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}

Plain = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Header:
    """fields: name to value, arrays left out. kinds: names of the tensors' kinds, such as Q4_1 and F32."""

    fields: dict[str, Plain]
    kinds: frozenset[str]

    @property
    def architecture(self) -> str:
        """Such as llama; it is the first part of the names of the model's own fields."""
        return str(self.fields["general.architecture"])

    def number(self, name: str) -> int | None:
        """The architecture's own field, such as context_length; None where the file has none."""
        found = self.fields.get(f"{self.architecture}.{name}")
        return None if found is None else int(found)


def read_header(path: Path) -> Header:
    """Raises ModelError for a file that is no whole .gguf of version 2 or 3."""
    from gguf import GGMLQuantizationType

    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            cursor = _Cursor(held)
            cursor.begins()
            tensors, pairs = cursor.plain("<Q"), cursor.plain("<Q")
            fields = dict(filter(None, (cursor.field() for _ in range(int(pairs)))))
            kinds = {GGMLQuantizationType(cursor.tensor()).name for _ in range(int(tensors))}
            header = Header(fields, frozenset(kinds))
            header.architecture  # noqa: B018 - no model without it
            return header
    except (OSError, ValueError, KeyError, OverflowError, struct.error) as exc:
        raise ModelError(
            f'OpenVINO cannot read the model file {path}; use another GGUF, or set engine = "transformers".'
        ) from exc


class _Cursor:
    """A place in the file that moves on with each value read."""

    def __init__(self, held: mmap.mmap) -> None:
        self._held, self._at = held, 0

    def begins(self) -> None:
        if self._held[:4] != _MAGIC or struct.unpack_from("<I", self._held, 4)[0] not in _VERSIONS:
            raise ValueError("no .gguf of a known version")
        self._at = 8

    def plain(self, form: str) -> int | float | bool:
        value: int | float | bool = struct.unpack_from(form, self._held, self._at)[0]
        self._at += struct.calcsize(form)
        return value

    def text(self) -> str:
        length = int(self.plain("<Q"))
        self._at += length
        return self._held[self._at - length : self._at].decode()

    def field(self) -> tuple[str, Plain] | None:
        name, kind = self.text(), int(self.plain("<I"))
        if kind == _ARRAY:
            self._pass_array()
            return None
        return name, self.text() if kind == _STRING else self.plain(_FORMS[kind])

    def tensor(self) -> int:
        """The kind of the next one."""
        self.text()
        dimensions = int(self.plain("<I"))
        self._at += 8 * dimensions
        kind = int(self.plain("<I"))
        self._at += 8
        return kind

    def _pass_array(self) -> None:
        kind, length = int(self.plain("<I")), int(self.plain("<Q"))
        if kind in _FORMS:
            self._at += length * struct.calcsize(_FORMS[kind])
            return
        if kind not in (_STRING, _ARRAY):
            raise ValueError(f"no kind of value: {kind}")
        for _ in range(length):
            if kind == _ARRAY:
                self._pass_array()
            else:
                size = int(self.plain("<Q"))
                self._at += size
