"""Small tuned models for tests: a tiny random Llama with the embedded tokenizer, and adapters trained in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chatbot.learning.examples import Example

_PADDING = -1


def tiny_llama(folder: Path, tokenizer_from: Path, *, seed: int = 0, hidden: int = 64) -> Path:
    """A random Llama of two layers, saved as safetensors with a real tokenizer and chat template."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_from)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


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
