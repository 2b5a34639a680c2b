"""The base with what is trained on it: LoRA and its kin, or every weight. Must not know data or trainers.

LoRA: arXiv 2106.09685; DoRA: 2402.09353; rsLoRA: 2312.03732; AdaLoRA: 2303.10512; QLoRA: 2305.14314.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError, UsageError
from chatbot.learning.devices import training_device
from chatbot.learning.generator_options import TuningOptions

_LARGE = 1_000_000_000


def device_of(options: TuningOptions) -> str:
    """cuda or cpu. Raises UsageError for a GPU that is asked for and not there."""
    device = training_device(options.device)
    if options.four_bit and device != "cuda":
        raise UsageError("--four-bit needs a CUDA GPU, and torch sees none; leave it out: a CPU tunes in bf16.")
    if options.four_bit and not _installed("bitsandbytes"):
        raise UsageError("--four-bit needs bitsandbytes; run `pip install 'precedent[qlora]'`, or leave it out.")
    return device


def in_bf16(options: TuningOptions, device: str) -> bool:
    """Whether it computes in bf16: where the processor multiplies it in hardware, elsewhere it is slower than float32."""
    import torch

    if options.precision != "auto":
        return options.precision == "bf16"
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return cpu_has_bf16()


def cpu_has_bf16() -> bool:
    """From the kernel's flags; False where there are none to read."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def load(folder: Path, options: TuningOptions, steps: int, device: str) -> Any:
    """The model ready to be trained for `steps` optimizer steps, its trained weights in float32, the same for the same seed.

    Frozen weights are kept in bf16 where it computes in bf16. Raises ModelError.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, set_seed

    set_seed(options.seed)
    frozen = in_bf16(options, device) and options.method != "full"
    more: dict[str, Any] = _four_bit() if options.four_bit else {}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if frozen else torch.float32,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            **more,
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as exc:
        raise ModelError(f"The model {folder} cannot be loaded: {str(exc).splitlines()[0]}") from exc
    model.config.use_cache = False
    if options.method == "full":
        return model
    with warnings.catch_warnings():
        # PEFT 0.21 asks transformers 5 by a name that is to go in 6
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        model = _adapted(model, options, steps)
    if in_bf16(options, device):
        # autocast casts by itself; PEFT's own cast to float32 and back costs a fifth of a step
        for module in model.modules():
            if hasattr(module, "cast_input_dtype_enabled"):
                module.cast_input_dtype_enabled = False
    return model


def checkpointed(options: TuningOptions, parameters: int, device: str) -> bool:
    """Whether activations are computed twice to save memory: pays for large models on a GPU, costs a third of the time."""
    if options.checkpointing is not None:
        return options.checkpointing
    return device == "cuda" and parameters >= _LARGE


def save(model: Any, folder: Path, base: str) -> None:
    """The adapter alone, in bf16, as plain LoRA, DoRA or rsLoRA that names `base` as what it lies on. Raises OSError."""
    import torch

    config = model.peft_config[model.active_adapter]
    config.base_model_name_or_path = base
    for value in model.parameters():
        if value.requires_grad:
            value.data = value.data.to(torch.bfloat16)
    if getattr(model.base_model, "rankallocator", None) is not None:
        _save_as_lora(model, folder, base)
        return
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's own card says nothing; the registry writes one


def _save_as_lora(model: Any, folder: Path, base: str) -> None:
    """AdaLoRA's P, L, Q as A = L Q and B = P without the ranks that were cut.

    PEFT's own file scales by the ranks that are left where training scaled by those at first, and opens with a warning.
    """
    import peft
    import torch
    from safetensors.torch import save_file

    config, name = model.peft_config[model.active_adapter], model.active_adapter
    state: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for path, module in model.base_model.model.named_modules():
        if name not in getattr(module, "lora_E", {}):
            continue
        strength = module.lora_E[name].detach().float()
        kept = strength[:, 0] != 0
        if not bool(kept.any()):
            kept[0] = True  # a rank of nothing is none that LoRA knows
        scale = module.scaling[name] / (float(module.ranknum[name].detach()) + 1e-5)
        inner = (module.lora_A[name].detach().float() * strength * scale)[kept]
        outer = module.lora_B[name].detach().float()[:, kept]
        ranks[path] = int(kept.sum())
        state[f"base_model.model.{path}.lora_A.weight"] = inner.to(torch.bfloat16).contiguous()
        state[f"base_model.model.{path}.lora_B.weight"] = outer.to(torch.bfloat16).contiguous()
    folder.mkdir(parents=True)
    save_file(state, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    peft.LoraConfig(
        r=config.target_r,
        lora_alpha=config.target_r,
        rank_pattern=ranks,
        alpha_pattern=ranks,
        target_modules=sorted({path.rpartition(".")[2] for path in ranks}),
        task_type="CAUSAL_LM",
        base_model_name_or_path=base,
        inference_mode=True,
    ).save_pretrained(str(folder))


def _adapted(model: Any, options: TuningOptions, steps: int) -> Any:
    import peft

    if options.four_bit:
        prepare: Any = peft.prepare_model_for_kbit_training
        model = prepare(model, use_gradient_checkpointing=False)
    common: dict[str, Any] = {
        "lora_alpha": options.adapter_alpha,
        "lora_dropout": options.adapter_dropout,
        "target_modules": "all-linear",
        "task_type": "CAUSAL_LM",
    }
    if options.method == "adalora":
        # 2303.10512, appendix: begin with half as much again, cut over the middle of the run
        first, last = max(0, steps // 10), max(0, steps // 4)
        config = peft.AdaLoraConfig(
            target_r=options.adapter_rank,
            init_r=max(options.adapter_rank + 1, options.adapter_rank * 3 // 2),
            tinit=first if steps > first + last else 0,
            tfinal=last if steps > first + last else 0,
            total_step=steps + 1,
            **common,
        )
    else:
        config = peft.LoraConfig(
            r=options.adapter_rank,
            use_dora=options.method == "dora",
            use_rslora=options.method == "rslora",
            **common,
        )
    return peft.get_peft_model(model, config)


def _four_bit() -> dict[str, Any]:
    import torch
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": config, "device_map": {"": int(os.environ.get("LOCAL_RANK", "0"))}}


def _installed(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None
