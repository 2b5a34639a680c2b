"""Small tuned models for tests: a tiny random Llama that a .gguf can hold, and versions of it trained in seconds."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chatbot.learning.examples import Example
from tests import tiny_llama as plain

_PADDING = -1


def tiny_llama(folder: Path, *, seed: int = 0) -> Path:
    """The random Llama of `tests.tiny_llama` with one merge more in its tokenizer, as a .gguf's tokenizer needs at least one."""
    import torch
    from transformers import AutoConfig, LlamaForCausalLM

    plain.make(folder)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["th"] = len(vocabulary)
    tokenizer["model"]["merges"] = [["t", "h"]]
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
    config = AutoConfig.from_pretrained(folder)
    config.vocab_size = len(vocabulary)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    model.generation_config.update(eos_token_id=2, bos_token_id=0, pad_token_id=0)
    model.save_pretrained(folder)
    return folder


def tokenizer_gguf(llama: Path, out: Path) -> Path:
    """A .gguf with the tokenizer and chat template of the model in `llama` and no weights: what `--like` names."""
    import gguf
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(llama)
    special = set(tokenizer.all_special_ids)
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    writer = gguf.GGUFWriter(str(out), "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([word for word, _ in words])
    writer.add_token_types([3 if at in special or word.startswith("<|") else 1 for word, at in words])
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(tokenizer.pad_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def train(
    base: Path,
    examples: Sequence[Example],
    made: Path,
    *,
    steps: int,
    rate: float,
    batch: int = 8,
    rank: int | None = 16,
) -> list[float]:
    """Trains on the targets alone and saves an adapter (rank), or with rank None the whole model; returns the losses."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if rank is not None:
        from peft import LoraConfig, get_peft_model

        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        model = get_peft_model(
            model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        )
    model.train()
    rows = [_tokens(tokenizer, example) for example in examples]
    wanted = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(wanted, lr=rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / 5, 1 - 0.9 * step / steps))
    losses, order = [], torch.randperm(len(rows))
    for step in range(steps):
        if (start := step * batch % len(rows)) < batch:
            order = torch.randperm(len(rows))
        chosen = [rows[int(order[(start + at) % len(rows)])] for at in range(batch)]
        inputs, labels = _padded(chosen, tokenizer.pad_token_id)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(
                input_ids=inputs,
                attention_mask=(labels != _PADDING).long(),
                labels=labels.masked_fill(labels == _PADDING, -100),
            ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(wanted, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    model.save_pretrained(made)
    if rank is None:
        tokenizer.save_pretrained(made)
    return losses


def _tokens(tokenizer: Any, example: Example) -> tuple[list[int], list[int]]:
    said = [{"role": message.role, "content": message.content} for message in example.prompt]
    prompt = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_dict=True)["input_ids"]
    target = tokenizer(example.target, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    return list(prompt) + target, [-100] * len(prompt) + target


def _padded(rows: Sequence[tuple[list[int], list[int]]], pad: int) -> tuple[Any, Any]:
    import torch

    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [pad] * (longest - len(ids)) for ids, _ in rows])
    labels = torch.tensor([given + [_PADDING] * (longest - len(given)) for _, given in rows])
    return ids, labels
