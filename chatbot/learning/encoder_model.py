"""A sentence encoder as torch trains it: texts to unit vectors with gradients, and to a folder. Must not know pairs or losses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.errors import ModelError, StorageError
from chatbot.generation.quiet import quiet
from chatbot.retrieval.encoder_files import EncoderFiles

Vectors = npt.NDArray[np.float32]
WEIGHTS = "model.safetensors"
_KEPT = ("tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "sentencepiece.bpe.model")
_STEP = 16  # lengths are rounded up to it: few shapes, so that the kernels are prepared a few times only
_ROWS = 32  # texts of like length that share a pass; the loss does not see it
_ROWS_AT_REST = 128


class Trainee:
    """An encoder in training on one device. Lives for one run; not for several threads."""

    def __init__(self, files: EncoderFiles, device: str, max_tokens: int) -> None:
        """Raises ModelError when the weights cannot be loaded."""
        import torch
        from safetensors import SafetensorError
        from tokenizers import Tokenizer
        from transformers import AutoModel

        quiet()
        self.files = files
        self.device = torch.device(device)
        self._tokenizer = Tokenizer.from_file(str(files.folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(min(max_tokens, files.max_tokens))
        self._tokenizer.no_padding()
        try:
            self.model = AutoModel.from_pretrained(
                files.folder,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                dtype=torch.float32,
                attn_implementation="eager",  # on a CPU its backward pass is faster than the fused one's in bf16
            ).to(self.device)
        except (OSError, RuntimeError, ValueError, SafetensorError) as exc:
            raise ModelError(f"The encoder {files.folder} cannot be loaded for training: {exc}") from exc
        self.half = fast_in_half(device)

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, cut to the length that is trained."""
        return [one.ids for one in self._tokenizer.encode_batch([text if text.strip() else "." for text in texts])]

    def embed(self, tokens: Sequence[Sequence[int]], rows_at_once: int = _ROWS) -> Any:
        """(n, dim) tensor of rows of length 1, in the caller's order; gradients flow where they are switched on."""
        import torch

        order: list[int] = []
        parts = []
        for rows, ids, mask in self._padded(tokens, rows_at_once):
            attention = torch.from_numpy(mask).to(self.device)
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
                hidden = self.model(input_ids=torch.from_numpy(ids).to(self.device), attention_mask=attention)[0]
            parts.append(self._pooled(hidden.float(), attention))
            order += rows
        back = torch.from_numpy(np.argsort(np.asarray(order))).to(self.device)
        return torch.nn.functional.normalize(torch.cat(parts)[back], dim=-1)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, dim) float32 rows of length 1, without gradients or dropout."""
        import torch

        if not texts:
            return np.zeros((0, self.files.dim), dtype=np.float32)
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                return np.asarray(self.embed(self.tokens(texts), _ROWS_AT_REST).cpu().numpy(), dtype=np.float32)
        finally:
            self.model.train(training)

    def save(self, folder: Path) -> None:
        """Writes the encoder as `encoder_files.describe` and sentence-transformers open it; the folder must not be there.

        The base's own tokenizer, configuration, pooling and length go with the new weights. Raises StorageError.
        """
        from safetensors.torch import save_file

        try:
            folder.mkdir(parents=True)
            for name in ("config.json", "tokenizer.json"):
                shutil.copyfile(self.files.folder / name, folder / name)
            for name in _KEPT:
                if (self.files.folder / name).is_file():
                    shutil.copyfile(self.files.folder / name, folder / name)
            _write_layout(folder, self.files)
            weights = {name: value.detach().cpu().contiguous() for name, value in self.model.state_dict().items()}
            save_file(weights, str(folder / WEIGHTS), metadata={"format": "pt"})
        except OSError as exc:
            raise StorageError(f"The encoder cannot be written to {folder}: {exc.strerror}; free space there.") from exc

    def _padded(self, tokens: Sequence[Sequence[int]], size: int) -> Iterator[tuple[list[int], Any, Any]]:
        order = sorted(range(len(tokens)), key=lambda row: (-len(tokens[row]), row))
        for at in range(0, len(order), size):
            rows = order[at : at + size]
            width = -(-len(tokens[rows[0]]) // _STEP) * _STEP
            ids = np.zeros((len(rows), min(width, self.files.max_tokens)), dtype=np.int64)
            mask = np.zeros_like(ids)
            for line, row in enumerate(rows):
                ids[line, : len(tokens[row])] = tokens[row]
                mask[line, : len(tokens[row])] = 1
            yield rows, ids, mask

    def _pooled(self, hidden: Any, attention: Any) -> Any:
        if self.files.pooling == "cls":
            return hidden[:, 0]
        weight = attention.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weight).sum(1) / weight.sum(1)


def fast_in_half(device: str) -> bool:
    """Whether bf16 is the faster: on a GPU that has it, and on a CPU with AMX (2.2 times here); elsewhere it is slower."""
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_amx_tile_supported())


def _write_layout(folder: Path, files: EncoderFiles) -> None:
    import json

    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    listed = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (path, kind) in enumerate(modules)
    ]
    pooling = {
        "word_embedding_dimension": files.dim,
        "pooling_mode_cls_token": files.pooling == "cls",
        "pooling_mode_mean_tokens": files.pooling == "mean",
    }
    contents = {
        "modules.json": listed,
        "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": files.max_tokens, "do_lower_case": False},
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
