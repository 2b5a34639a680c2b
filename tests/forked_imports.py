"""What children that tests kill have imported already; see `tests.forked`."""

from __future__ import annotations

import peft
import safetensors.torch
import torch
from torch.utils.tensorboard import SummaryWriter
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

from chatbot.learning import encoder_tuning, generator_tuning

torch.set_num_threads(1)
__all__ = [
    "AutoModel",
    "AutoModelForCausalLM",
    "AutoTokenizer",
    "SummaryWriter",
    "Trainer",
    "TrainingArguments",
    "encoder_tuning",
    "generator_tuning",
    "peft",
    "safetensors",
]
