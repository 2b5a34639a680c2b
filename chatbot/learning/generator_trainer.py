"""transformers' Trainer for replies: loss on the reply alone, our order, our checkpoints, the evidence score as the measure.

Imports torch: import it inside functions only. Must not know data sets, folders of a deployment or the registry.
https://huggingface.co/docs/transformers/main_classes/trainer
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import Trainer, TrainerCallback

from chatbot.errors import ModelError
from chatbot.learning import checkpoints
from chatbot.learning.generator_data import IGNORED, Encoded, Order

TRAINED, ALLOCATION = "trained.safetensors", "allocation.json"
METRIC, CHOICE = "eval_evidence", "eval_choice"
_LOSS_COUNTS = 1e-3
Scores = Callable[[Any], Mapping[str, float]]


def collate(batch: Sequence[Encoded], pad: int) -> dict[str, torch.Tensor]:
    """Right-aligned, so that the replies lie at the end and logits are made for them alone.

    input_ids, position_ids: (examples, longest); attention_mask: the same, absent where nothing is padded; labels, weights:
    (examples, longest reply), `IGNORED` before shorter ones.
    """
    longest, reply = max(one.length for one in batch), max(len(one.reply) for one in batch)
    ids = torch.full((len(batch), longest), pad)
    mask = torch.zeros((len(batch), longest), dtype=torch.long)
    labels = torch.full((len(batch), reply), IGNORED)
    for row, one in enumerate(batch):
        ids[row, longest - one.length :] = torch.tensor([*one.prompt, *one.reply])
        mask[row, longest - one.length :] = 1
        labels[row, reply - len(one.reply) :] = torch.tensor(one.reply)
    made = {
        "input_ids": ids,
        "position_ids": (mask.cumsum(1) - 1).clamp(min=0),
        "labels": labels,
        "weights": torch.tensor([one.weight for one in batch]),
    }
    return made if bool(mask.all()) else made | {"attention_mask": mask}


def reply_loss(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Summed, weighted cross-entropy (nats) of the replies' tokens."""
    labels = batch["labels"]
    inputs = {name: batch[name] for name in ("input_ids", "position_ids")}
    if "attention_mask" in batch:
        inputs["attention_mask"] = visible(batch["attention_mask"])
    logits = model(**inputs, logits_to_keep=labels.shape[1] + 1, use_cache=False).logits[:, :-1].float()
    each = cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
    return (each.sum(1) * batch["weights"].to(each)).sum()


def visible(mask: torch.Tensor) -> torch.Tensor:
    """(examples, 1, length, length), true where a token may look: back at real tokens, and at itself.

    mask: (examples, length), 1 for real tokens. From the mask alone a token of the padding would look at nothing, and the softmax
    of nothing is not a number: what a GPU's kernel makes of that differs from one to the next.
    """
    tokens = torch.arange(mask.shape[1], device=mask.device)
    back = tokens[:, None] >= tokens[None, :]
    alone = tokens[:, None] == tokens[None, :]
    return (back & mask[:, None, None, :].bool()) | alone


def reply_tokens(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """How many tokens `reply_loss` summed, weighted: a float32 scalar."""
    return ((batch["labels"] != IGNORED).sum(1) * batch["weights"]).sum()


def _tokens(batch: Mapping[str, torch.Tensor]) -> int:
    mask = batch.get("attention_mask")
    return batch["input_ids"].numel() if mask is None else int(mask.sum())


class ReplyTrainer(Trainer):  # type: ignore[misc]
    """Lives for one attempt of a run. order: of the training examples; scores: what a model is judged by, deterministic."""

    def __init__(self, *, order: Order, scores: Scores, **rest: Any) -> None:
        self._order, self._scores = order, scores
        self.tokens_learnt = 0  # of prompts and replies, padding left out; of this process and attempt
        super().__init__(**rest)
        # of a slice torch copies the whole vocabulary's weights once an example: a twelfth of a step on a CPU
        self.model.get_output_embeddings().register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(),))
        self.loss_is_scaled_for_ga = True

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self._order

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> torch.Tensor:
        self.tokens_learnt += sum(map(_tokens, batch_samples))
        count = torch.stack([reply_tokens(batch) for batch in batch_samples]).sum().to(device)
        return self.accelerator.gather(count).sum() if self.args.world_size > 1 else count

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Mean over all reply tokens of the step, whichever micro-batch or process they are in."""
        loss = reply_loss(model, inputs) / num_items_in_batch * self.accelerator.num_processes
        if not bool(torch.isfinite(loss)):
            raise ModelError(
                f"The loss is no number any more at step {self.state.global_step + 1}; lower --learning-rate and start a new run."
            )
        penalty = _orthogonality(self.accelerator.unwrap_model(model))
        return loss if penalty is None else loss + penalty / self.current_gradient_accumulation_steps

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The scores, logged; every process computes the same ones."""
        model = self.accelerator.unwrap_model(self.model)
        model.eval()
        with torch.no_grad(), self.accelerator.autocast():
            metrics = {f"eval_{name}": float(value) for name, value in self._scores(model).items()}
        metrics[CHOICE] = choice(metrics)
        self.log(dict(metrics))
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    # --- checkpoints: what is trained, whole and in its own precision; PEFT's own saving cuts AdaLoRA to its ranks -----------

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if not self.args.should_save:
            return
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        model = self.accelerator.unwrap_model(self.model)
        state = {
            name: value.detach().cpu().contiguous() for name, value in model.named_parameters() if value.requires_grad
        }
        if (allocator := _allocator(model)) is not None:
            state |= {
                f"ipt.{kind}.{name}": value.cpu() for kind in _IPT for name, value in getattr(allocator, kind).items()
            }
            pattern = model.peft_config[model.active_adapter].rank_pattern
            (folder / ALLOCATION).write_text(json.dumps(pattern), encoding="utf-8")
        save_file(state, folder / TRAINED)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        restore(model or self.model, Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        restore(self.model, Path(self.state.best_model_checkpoint))


def choice(scores: Mapping[str, float]) -> float:
    """What the best checkpoint is chosen by: the evidence score of the turns to answer and the share of hand-overs that were
    seen, k of n counted as (k + 1/2) / (n + 1), as a geometric mean; among equal ones the lower loss.

    The mean over all turns would choose a model that hands everything over: a fifth of the turns give it 1 each. The plain share
    would leave the choice to the loss wherever none of the few hand-overs is seen.
    """
    parts = [scores["eval_answer_evidence"]] if "eval_answer_evidence" in scores else []
    if count := scores["eval_hand_overs"]:
        parts.append((scores["eval_refused_right"] * count + 0.5) / (count + 1))
    return math.prod(parts) ** (1 / len(parts)) - _LOSS_COUNTS * scores["eval_loss"]


def restore(model: Any, checkpoint: Path) -> None:
    """Puts a checkpoint's trained weights into a model that was made with the same options."""
    state = load_file(checkpoint / TRAINED)
    if (allocator := _allocator(model)) is not None:
        for kind in _IPT:
            start = f"ipt.{kind}."
            setattr(
                allocator, kind, {key[len(start) :]: value for key, value in state.items() if key.startswith(start)}
            )
        pattern = json.loads((checkpoint / ALLOCATION).read_bytes())
        model.peft_config[model.active_adapter].rank_pattern = pattern
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.requires_grad:
                value.copy_(state[name])


class Steward(TrainerCallback):  # type: ignore[misc]
    """Completes and seals checkpoints, saves between evaluations, ends a run that gets no better, and cuts AdaLoRA's ranks."""

    def __init__(self, save_every: int, patience: int, complete: Callable[[Path], None]) -> None:
        self._save_every, self._patience, self._complete = save_every, patience, complete

    def on_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """AdaLoRA allocates while the gradients are there."""
        if _allocator(model) is not None:
            model.base_model.update_and_allocate(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Asks for a checkpoint between evaluations."""
        last = state.global_step >= state.max_steps
        if last or state.global_step % self._save_every == 0:
            control.should_save = True
        if last:
            control.should_evaluate = True
        return control

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Early stopping on the evidence score."""
        if exhausted(state.log_history, self._patience):
            control.should_training_stop = True
        return control

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The seal comes last: after what every process writes, and before any of them reads it."""
        everyone = PartialState()
        everyone.wait_for_everyone()
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            self._complete(folder)
            checkpoints.seal(folder)
        everyone.wait_for_everyone()


def exhausted(history: Sequence[Mapping[str, Any]], patience: int) -> bool:
    """Whether the last `patience` evidence scores (equal ones by their loss) are all no better than the best before them."""
    scores = [float(entry[CHOICE]) for entry in history if CHOICE in entry]
    return len(scores) > patience and max(scores[-patience:]) <= max(scores[:-patience])


_IPT = ("ipt", "exp_avg_ipt", "exp_avg_unc")


def _allocator(model: Any) -> Any:
    return getattr(getattr(model, "base_model", None), "rankallocator", None)


def _orthogonality(model: Any) -> torch.Tensor | None:
    """AdaLoRA's penalty (2303.10512, equation 4): keeps P and Q near orthogonal; None for the other methods."""
    if _allocator(model) is None:
        return None
    terms = []
    for name, value in model.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            square = value @ value.T if "lora_A" in name else value.T @ value
            terms.append(torch.linalg.norm(square - torch.eye(len(square), device=square.device)))
    return float(model.peft_config[model.active_adapter].orth_reg_weight) * torch.stack(terms).mean()
