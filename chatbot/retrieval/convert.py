"""An encoder's torch weights turned into OpenVINO IR once, in a child process: the server never imports torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from chatbot.errors import ModelError, StorageError
from chatbot.half_made import CONVERTING, half_made
from chatbot.retrieval.encoder_files import EncoderFiles, describe, sha256_of
from chatbot.room import need_room

MODEL, WEIGHTS, MANIFEST = "encoder.xml", "encoder.bin", "manifest.json"
FORM = "pooled, tokens"  # the outputs; a cache of another form is converted again
_TIMEOUT_S = 900
_COPIES = 3  # of the weights: what the child writes, the copy that stays, and room for both in float32


def cached_ir(files: EncoderFiles, cache: Path) -> Path:
    """The IR of this encoder, converted if it is not there; several processes may ask at once.

    A cached IR whose hashes do not match its manifest is made again. Raises ModelError with the converter's last line, and
    UsageError where the disk has no room.
    """
    folder = cache / f"encoder-{files.digest[:16]}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StorageError(f"The folder {cache} cannot be made: {exc.strerror}; choose another with --data.") from exc
    with FileLock(cache / "encoder.lock", timeout=_TIMEOUT_S):
        if not _whole(folder, files):
            _convert_in_child(files, folder)
            if not _whole(folder, files):
                raise ModelError(f"The converted encoder in {folder} does not match its manifest; is the disk sound?")
    return folder / MODEL


def _whole(folder: Path, files: EncoderFiles) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        wanted = {"source": files.digest, "form": FORM} | {name: sha256_of(folder / name) for name in (MODEL, WEIGHTS)}
    except (OSError, ValueError, ModelError):
        return False
    return bool(manifest == wanted)


def _convert_in_child(files: EncoderFiles, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    weights = sum(one.stat().st_size for one in files.folder.glob("*.safetensors"))
    need_room(folder.parent, _COPIES * weights, "The encoder, converted once for the CPU,")
    with half_made(folder.parent, CONVERTING) as made:
        command = [sys.executable, "-m", "chatbot.retrieval.convert", str(files.folder), str(made)]
        quiet = os.environ | {"HF_HUB_OFFLINE": "1", "OPENVINO_TELEMETRY_OPT_OUT": "1"}
        done = subprocess.run(  # noqa: S603 - our own module
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env=quiet
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ModelError(f"The encoder {files.folder} could not be converted for the CPU: {last}")
        manifest = {"source": files.digest, "form": FORM} | {name: sha256_of(made / name) for name in (MODEL, WEIGHTS)}
        (made / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        shutil.copytree(made, folder)


def convert(source: Path, target: Path) -> None:
    """Writes IR: input_ids and attention_mask (batch, tokens) int64 in; pooled vectors (batch, dim) and the tokens' own
    (batch, tokens, dim) float32 out."""
    import openvino
    import torch
    from transformers import AutoModel

    files = describe(source, source.name)
    model = AutoModel.from_pretrained(
        source, use_safetensors=True, trust_remote_code=False, local_files_only=True, dtype=torch.float32
    )

    class Pooled(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = model.eval()

        def forward(self, input_ids, attention_mask):  # type: ignore[no-untyped-def]
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
            if files.pooling == "cls":
                return hidden[:, 0], hidden
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            return (hidden * mask).sum(1) / mask.sum(1), hidden

    example = torch.ones((2, 8), dtype=torch.int64)
    with torch.no_grad():
        graph = openvino.convert_model(
            Pooled(),
            example_input={"input_ids": example, "attention_mask": example},
            input=[("input_ids", [-1, -1], openvino.Type.i64), ("attention_mask", [-1, -1], openvino.Type.i64)],
        )
    openvino.save_model(graph, target / MODEL, compress_to_fp16=False)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
