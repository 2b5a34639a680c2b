"""Bad input: what and where is said, good records still come, nothing takes unbounded memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatbot.errors import FormatError
from chatbot.transcripts.reading import BadRecord, ReadOptions, detect_formats, read_transcripts
from chatbot.types import Role, Transcript

GOOD = {"id": "a", "turns": [{"role": "customer", "text": "Größe?"}, {"role": "agent", "text": "Die Größe M."}]}


def line(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes}, ensure_ascii=False)


def read(path: Path, **options: Any) -> tuple[list[str], list[tuple[int, str]]]:
    items = list(read_transcripts(path, options=ReadOptions(**options)))
    good = [item.id for item in items if isinstance(item, Transcript)]
    return good, [(item.line, item.reason) for item in items if isinstance(item, BadRecord)]


def test_bad_lines_are_reported_with_line_and_reason_and_skipped(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    bad = [
        '{"id": "b", "turns": [',
        line(id="c", turns="no list"),
        line(id="d", turns=[{"role": "wizard", "text": "x"}]),
        line(id=None),
        "[1, 2]",
        line(id="f", csat=99),
        line(id="g", turns=[{"role": "agent", "text": "x", "time": "yesterday"}]),
        line(id="h", turns=[]),
        line(id="i", turns=[{"role": "agent", "text": 5}]),
        "[" * 100_000,
    ]
    file.write_text("\n".join([line(), *bad, "", line(id="z")]) + "\n", encoding="utf-8")
    good, found = read(file)
    assert good == ["a", "z"]
    assert [number for number, _ in found] == list(range(2, 12))
    for (_, reason), word in zip(
        found, ["JSON", "list", "wizard", "id", "object", "scale", "time", "text", "int", "JSON"], strict=True
    ):
        assert word in reason


def test_a_broken_first_line_does_not_hide_the_others(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"id": "b", "turns": [\n' + line() + "\n" + line(id="b"), encoding="utf-8")
    good, found = read(file)
    assert good == ["a", "b"]
    assert [number for number, _ in found] == [1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv"])
@pytest.mark.parametrize("zipped", [False, True])
def test_encodings_are_found(tmp_path: Path, encoding: str, suffix: str, zipped: bool) -> None:
    text = {
        "jsonl": line() + "\n",
        "json": json.dumps([GOOD], ensure_ascii=False, indent=2),
        "csv": "conversation_id,role,text\r\na,customer,Größe?\r\na,agent,Die Größe M.\r\n",
    }[suffix]
    data = text.encode(encoding)
    file = tmp_path / f"x.{suffix}"
    file.write_bytes(gzip.compress(data) if zipped else data)
    (transcript,) = read_transcripts(file)
    assert isinstance(transcript, Transcript)
    assert [turn.text for turn in transcript.turns] == ["Größe?", "Die Größe M."]


@pytest.mark.parametrize(
    ("encoding", "text", "guess"),
    [("cp1252", line(), "Windows-1252"), ("gb18030", line(topic="退款政策说明"), "GB18030")],
)
def test_another_encoding_is_refused_with_the_place(tmp_path: Path, encoding: str, text: str, guess: str) -> None:
    file = tmp_path / "x.jsonl"
    chosen = text if encoding == "cp1252" else text.replace("ö", "大").replace("ß", "小")
    file.write_bytes((line(turns=[{"role": "agent", "text": "plain"}]) + "\n" + chosen).encode(encoding))
    with pytest.raises(FormatError, match=rf"x\.jsonl, line 2, byte \d+.*{guess}"):
        list(read_transcripts(file))
    assert len(list(read_transcripts(file, options=ReadOptions(encoding=encoding)))) == 2


def test_one_spoiled_line_of_a_proper_utf8_file_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    spoiled = line(id="b").encode().replace("ß".encode(), b"\xff")
    file.write_bytes(b"\n".join([line().encode(), spoiled, line(id="c").encode()]))
    good, found = read(file)
    assert good == ["a", "c"]
    assert found == [(2, "byte 0xFF is not UTF-8")]
    array = tmp_path / "x.json"
    array.write_bytes(b"[" + b",\n".join([line().encode(), spoiled, line(id="c").encode()]) + b"]")
    assert read(array) == (good, found)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"hello world\n", "no format"),
        (b'{"a": 1}\n', "no format"),
        (b"{}", "no format"),
        (b'{"tickets": []}', "no record"),
        (b"\x00\x01\x02\x03" * 50, "binary"),
        (b'[{"id": "a", "turns": [', "breaks off"),
        (b"[nonsense]", "not JSON"),
        (gzip.compress(line().encode(), mtime=0)[:-12], "gzip"),
    ],
)
def test_files_that_are_no_export_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "x.bin"
    file.write_bytes(data)
    with pytest.raises(FormatError, match=message) as caught:
        list(read_transcripts(file))
    assert "x.bin" in str(caught.value)


def test_missing_paths_unknown_formats_and_mixed_folders(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="does not exist"):
        list(read_transcripts(tmp_path / "none.jsonl"))
    with pytest.raises(FormatError, match="holds no"):
        list(read_transcripts(tmp_path))
    (tmp_path / "a.jsonl").write_text(line(), encoding="utf-8")
    (tmp_path / "b.csv").write_text("question,answer\nq?,a\n", encoding="utf-8")
    assert detect_formats(tmp_path) == ("faq", "own")
    assert [t.source for t in read_transcripts(tmp_path) if isinstance(t, Transcript)] == ["own", "faq"]
    both = [tmp_path / "b.csv", tmp_path / "a.jsonl"]
    assert [t.source for t in read_transcripts(both) if isinstance(t, Transcript)] == ["faq", "own"]
    with pytest.raises(FormatError, match="no format 'word'"):
        list(read_transcripts(tmp_path, "word"))
    with pytest.raises(FormatError, match="cannot be read as csv"):
        list(read_transcripts(tmp_path / "a.jsonl", "csv"))


def test_an_array_goes_on_after_a_bad_record_and_counts_lines(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(f'[\n{line()},\n{{"id": "b" "turns": ["}}"]}},\n7,\n{line(id="c")}\n]', encoding="utf-8")
    good, found = read(file)
    assert good == ["a", "c"]
    assert [number for number, _ in found] == [3, 4]


def test_a_truncated_array_is_an_error_not_half_an_import(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(f"[{line()},\n{line(id='b')[:-5]}", encoding="utf-8")
    with pytest.raises(FormatError, match="breaks off inside the record that begins on line 2"):
        list(read_transcripts(file))


@pytest.mark.parametrize("shape", ["lines", "array", "first line", "list in object"])
def test_a_record_beyond_the_limit_is_reported_and_skipped(tmp_path: Path, shape: str) -> None:
    huge = line(id="huge", turns=[{"role": "agent", "text": 'say \\"hi\\" ' * 500_000}])
    file = tmp_path / "x.json"
    records = [huge, line(), line(id="b")] if shape == "first line" else [line(), huge, line(id="b")]
    text = {
        "lines": "\n".join(records),
        "first line": "\n".join(records),
        "array": "[" + ",\n".join(records) + "]",
        "list in object": '{"note": {"x": "[{"}, "data": [' + ",\n".join(records) + "]}",
    }[shape]
    file.write_text(text, encoding="utf-8")
    good, found = read(file, max_record_chars=100_000)
    assert good == ["a", "b"]
    assert [number for number, _ in found] == [1 if shape == "first line" else 2]
    assert "100,000" in found[0][1]


def test_gzip_bombs_are_refused_early(tmp_path: Path) -> None:
    file = tmp_path / "bomb.jsonl.gz"
    file.write_bytes(gzip.compress(line().encode() + b"\n" + b" " * 300_000_000))
    with pytest.raises(FormatError, match="gzip bomb"):
        list(read_transcripts(file))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiters_and_quotes(tmp_path: Path, delimiter: str) -> None:
    rows = [["conversation_id", "role", "text"], ["1", "customer", 'a "b"\nc'], ["1", "agent", "x,y;z|t"]]
    text = "\r\n".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    file = tmp_path / "x.csv"
    file.write_text(text, encoding="utf-8", newline="")
    (transcript,) = read_transcripts(file)
    assert isinstance(transcript, Transcript)
    assert [turn.text for turn in transcript.turns] == ['a "b"\nc', "x,y;z|t"]


def test_csv_columns_can_be_mapped_and_bad_rows_are_reported(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text(
        "Fall,Wer,Inhalt\n1,customer,Hallo?\n1,agent,a,b,c\n1\n,agent,x\n2,wizard,x\n1,agent,Ja gern\n", "utf-8"
    )
    with pytest.raises(FormatError, match="no format that is known"):
        list(read_transcripts(file))
    with pytest.raises(FormatError, match="no column for role"):
        list(read_transcripts(file, "csv", options=ReadOptions(columns={"conversation_id": "Fall", "text": "Inhalt"})))
    with pytest.raises(FormatError, match="no column 'Fal'"):
        list(read_transcripts(file, "csv", options=ReadOptions(columns={"conversation_id": "Fal"})))
    good, found = read(file, columns={"conversation_id": "Fall", "role": "Wer", "text": "Inhalt"})
    assert good == ["1"]
    assert sorted(number for number, _ in found) == [3, 4, 5, 6]


def test_csv_fields_without_end_are_bounded(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    rows = ["conversation_id,role,text", "1,customer,hi?", '1,agent,"' + "x" * 3_000_000, "1,agent,fine"]
    file.write_text("\n".join(rows), encoding="utf-8")
    _, found = read(file)
    assert found
    assert found[0][0] == 3


def test_extra_role_words(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(line(turns=[{"role": "Zauberer", "text": "x"}]), encoding="utf-8")
    (transcript,) = read_transcripts(file, options=ReadOptions(roles={"zauberer": Role.AGENT}))
    assert isinstance(transcript, Transcript)
    assert transcript.turns[0].role is Role.AGENT


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=300),
    head=st.sampled_from([b"", b"{", b"[{", b'{"id":"a","turns":[', b"\x1f\x8b", b"a,b\n"]),
)
def test_whatever_the_bytes_only_our_errors_come_out(tmp_path: Path, data: bytes, head: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(head + data)
    with suppress(FormatError):
        assert all(isinstance(item, Transcript | BadRecord) for item in read_transcripts(file))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=8), indent=st.sampled_from([None, 1]))
def test_every_shape_of_json_gives_the_same_transcripts(tmp_path: Path, texts: list[str], indent: int | None) -> None:
    turns = [[{"role": "agent", "text": f"x {text}"}] for text in texts]
    records = [{"id": str(number), "turns": said} for number, said in enumerate(turns)]
    shapes = {
        "lines": "\n".join(json.dumps(record) for record in records),
        "array": json.dumps(records, indent=indent),
        "page": json.dumps({"meta": 1, "data": records}, indent=indent),
        "objects": "\n".join(json.dumps(record, indent=1) for record in records),
    }
    said = []
    for name, text in shapes.items():
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        said.append([(item.id, item.turns) for item in read_transcripts(file) if isinstance(item, Transcript)])
    assert len(said[0]) == len(records)
    assert said.count(said[0]) == len(shapes)


_MEASURE = """
import resource, sys
from pathlib import Path
from chatbot.transcripts.reading import read_transcripts
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in read_transcripts(Path(sys.argv[1])))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("shape", ["lines", "array", "csv"])
def test_a_large_file_is_read_in_bounded_memory(tmp_path: Path, shape: str) -> None:
    """100 MB (the array: 50) read with far less than its size: nothing grows with the file."""
    file = tmp_path / "large"
    word = "so much text " * 640
    count = 3_000 if shape == "array" else 6_000
    with file.open("w", encoding="utf-8") as out:
        out.write({"lines": "", "array": "[\n", "csv": "conversation_id,role,text\n"}[shape])
        for number in range(count):
            if shape == "csv":
                out.write(f"{number},customer,{word}\n{number},agent,{word}\n")
            else:
                turns = [{"role": "customer", "text": word}, {"role": "agent", "text": word}]
                out.write(json.dumps({"id": str(number), "turns": turns}) + (",\n" if shape == "array" else "\n"))
        out.write("]" if shape == "array" else "")
    assert file.stat().st_size > count * 15_900
    result = subprocess.run([sys.executable, "-c", _MEASURE, str(file)], capture_output=True, text=True, check=True)
    transcripts, grown_mb = map(int, result.stdout.split())
    assert transcripts == count
    assert grown_mb < {"lines": 60, "array": 35, "csv": 130}[shape]
