"""A build killed at any step leaves a whole version; builds at once publish all or nothing, one after the other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.retrieval.index import build_index, list_versions, verify
from chatbot.retrieval.retriever import open_retriever
from tests.fakes_retrieval import FakeEmbedder, query, shop

pytestmark = pytest.mark.chaos

# One interpreter with everything imported forks a builder for each step; the builder kills itself as the step begins.
# FAISS writes its files outside Python's sight, but each lies between two steps that Python sees.
KILLER = """
import os, signal, sys
from pathlib import Path
from chatbot.retrieval.index import build_index
import chatbot.retrieval.retriever
from tests.fakes_retrieval import FakeEmbedder, shop

folder, steps = Path(sys.argv[1]), 0
WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"}

def build_until(last):
    seen = 0
    def audit(event, arguments):
        nonlocal seen
        if event in WATCHED and str(folder) in str(arguments):
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(audit)
    build_index(shop(2), FakeEmbedder(), folder, keep=1)
    os._exit(0)

while True:
    steps += 1
    child = os.fork()
    if child == 0:
        build_until(steps)
    _, status = os.waitpid(child, 0)
    served = (folder / "current").read_text().split()[0]
    print(steps, served, os.WIFSIGNALED(status), flush=True)
    sys.stdin.readline()
    if not os.WIFSIGNALED(status):
        break
"""


def test_a_build_killed_at_every_step_leaves_a_whole_version(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build_index(shop(1), FakeEmbedder(), folder)
    killer = subprocess.Popen(
        [sys.executable, "-c", KILLER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert killer.stdin is not None
    assert killer.stdout is not None
    served = []
    for line in killer.stdout:
        _, version, killed = line.split()
        manifest = verify(folder)
        assert manifest.version == version
        assert manifest.passages == (6 if version == "v000001" else 12)
        assert open_retriever(folder, FakeEmbedder()).search(query("do you ship to Norway")).hits
        served.append((version, killed == "True"))
        killer.stdin.write("\n")
        killer.stdin.flush()
    killer.stdin.close()
    killer.stdout.close()
    assert killer.wait() == 0
    versions = [version for version, _ in served]
    assert len(served) > 40
    assert served[-1][1] is False
    assert versions == sorted(versions)  # once published, it stays
    assert versions[0] == "v000001"
    assert versions[-1] != "v000001"
    assert not list(folder.glob(".building-*"))
    assert [version.problem for version in list_versions(folder)] == [None]


RACER = """
import json, sys
from pathlib import Path
from chatbot.errors import Conflict
from chatbot.retrieval.index import build_index
from tests.fakes_retrieval import FakeEmbedder, shop

fake = FakeEmbedder()
print("ready", flush=True)
sys.stdin.readline()
try:
    version = build_index(shop(int(sys.argv[2])), fake, Path(sys.argv[1]))
    print(json.dumps([version.name, version.published]))
except Conflict as exc:
    print(json.dumps(["refused", str(exc)]))
"""


def test_builds_at_once_have_one_winner_each_time(tmp_path: Path) -> None:
    build_index(shop(1), FakeEmbedder(), tmp_path)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), str(copies)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for copies in (20, 21, 22)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    told = [json.loads(racer.communicate()[0]) for racer in racers]
    published = [name for name, said in told if said is True]
    assert published
    assert len(set(published)) == len(published)
    assert all("Another process" in said for name, said in told if name == "refused")
    assert len(published) + sum(name == "refused" for name, _ in told) == len(racers)
    assert verify(tmp_path).version == max(published)
    assert not list(tmp_path.glob(".building-*"))
