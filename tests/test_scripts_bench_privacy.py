"""The privacy benchmark counts what was covered, and says so when its corpus is absent."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import typer

from scripts.bench_privacy import CORPUS, main, run


def test_it_counts_by_type(tmp_path: Path) -> None:
    text = "Mail anna@example.com, Berlin, 4111 1111 1111 1112"
    spans = [
        {"type": "EMAIL_ADDRESS", "start": 5, "end": 21},
        {"type": "LOCATION", "start": 23, "end": 29},
        {"type": "CREDIT_CARD", "start": 31, "end": 50},
    ]
    with gzip.open(tmp_path / CORPUS, "wt", encoding="utf-8") as out:
        out.write(json.dumps({"text": text, "spans": spans}) + "\n")
    result = run(tmp_path)
    assert {kind: row["covered"] for kind, row in result["recall"].items()} == {
        "EMAIL_ADDRESS": 1,
        "LOCATION": 0,
        "CREDIT_CARD": 0,
    }
    assert result["recall"]["CREDIT_CARD"]["met"] is False
    assert result["precision"]["EMAIL"] == {"found": 1, "own_type": 1, "precision": 1.0, "any_personal_data": 1}
    with pytest.raises(typer.Exit) as caught:
        main(tmp_path, as_json=True)
    assert caught.value.exit_code == 1


def test_an_absent_corpus_is_said_plainly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        main(tmp_path)
    assert caught.value.exit_code == 2
    assert CORPUS in capsys.readouterr().err
