"""A safetensors model, with or without a PEFT adapter, on transformers' own continuous batching: CUDA or CPU.

The batching (`ContinuousBatchingManager`, paged cache, prefix sharing) runs on both, so that the CPU tests exercise
what a GPU runs. https://huggingface.co/docs/transformers/continuous_batching
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError
from chatbot.generation.adapters import merge
from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.conversion import safetensors_of
from chatbot.generation.engine import Emit, Job, Piece, Prompt, PromptTooLongError, Pulse, as_dicts, marker_pattern
from chatbot.generation.quiet import quiet
from chatbot.generation.text_stream import TextStream

_PAGE = {"cpu": 64, "cuda": 256}  # tokens a cache page
_TOKENS_A_SLOT = {"cpu": 2048, "cuda": 8192}
_MOST_OF_FREE = 0.8  # of a GPU's free memory, for the cache
_BATCHING: dict[str, dict[str, Any]] = {
    "cpu": {
        "max_batch_tokens": 512,
        "use_cuda_graph": False,
        "use_async_batching": False,
        "auto_switch_to_flash": False,
    },
    # a graph's attention reads the cache up to the next multiple; of transformers' own, 16384, eight chats fill a sixth
    "cuda": {"use_cuda_graph": True, "kv_padding_interval_size": 2048},
}
_POLL_S = 0.1
_LOGITS_KEPT = 50  # top_k of sampled replies


@dataclass(slots=True)
class _Running:
    """A reply being written. `seen` counts the tokens already decoded; used by the router's thread only."""

    emit: Emit
    text: TextStream
    max_tokens: int
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where a model runs: device "auto", "cpu" or "cuda", and torch's threads (None leaves torch's choice)."""

    device: str = "auto"
    threads: int | None = None


class TransformersEngine:
    """Lives as long as the server; any thread may call. transformers' thread generates, one of ours hands out."""

    name = "transformers"

    def __init__(self, spec: ModelSpec, models_folder: Path, *, slots: int, hardware: Hardware = Hardware()) -> None:
        folder = _folder_of(spec, models_folder)
        device = _device(hardware)
        self._tokenizer, self._model = _load(folder, spec.adapter, device)
        self._lock = threading.Lock()  # of the tokenizer (not thread-safe) and of `_jobs`
        self._markers = marker_pattern([*self._tokenizer.all_special_tokens, *self._tokenizer.get_added_vocab()])
        self._context = spec.context or int(getattr(self._model.config, "max_position_embeddings", 2048))
        cached = _cached_tokens(self._model, slots, min(self._context, _TOKENS_A_SLOT[device]), device)
        self._context = min(self._context, cached)
        self._jobs: dict[str, _Running] = {}
        self._ids = itertools.count()
        self._closing = threading.Event()
        self.pulse = Pulse()
        self._ends = _end_tokens(self._model, self._tokenizer)
        self._manager = _start_manager(self._model, self._ends, slots, cached, device)
        self._thread = threading.Thread(target=self._route, name="transformers-router", daemon=True)
        self._thread.start()

    def submit(self, prompt: Prompt, emit: Emit) -> Job:
        """See Engine."""
        if self.pulse.failure is not None or self._closing.is_set():
            raise RuntimeError(self.pulse.failure or "The engine is closing.")
        with self._lock:
            messages = as_dicts(prompt.messages, self._markers)
            encoded = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
        ids = list(encoded["input_ids"])
        if len(ids) >= self._context:
            raise PromptTooLongError(len(ids), self._context)
        max_tokens = min(prompt.max_tokens, self._context - len(ids))
        name = f"r{next(self._ids)}"
        with self._lock:
            self._jobs[name] = _Running(emit, TextStream(self._decode, prompt.stop), max_tokens)
            self.pulse.begin()
        greedy = prompt.temperature <= 0
        self._manager.add_request(
            ids,
            request_id=name,
            max_new_tokens=max_tokens,
            streaming=True,
            temperature=1.0 if greedy else prompt.temperature,
            top_k=1 if greedy else _LOGITS_KEPT,
            top_p=1.0 if greedy else prompt.top_p,
        )
        return Job(len(ids), lambda: self._end(name, Piece("", 0, "cancelled"), abandon=True))

    def close(self) -> None:
        """See Engine."""
        self._closing.set()
        self._manager.stop(block=True, timeout=10, hard_stop=True)
        self._thread.join(timeout=10)

    def _decode(self, ids: list[int]) -> str:
        with self._lock:
            return str(self._tokenizer.decode(ids, skip_special_tokens=True))

    def _end(self, name: str, last: Piece, *, abandon: bool = False) -> None:
        """Takes the job off the list, so that whoever comes first (end, cancel, failure) emits the one last piece."""
        with self._lock:
            running = self._jobs.pop(name, None)
            if not self._jobs:
                self.pulse.end()
        if running is None:
            return
        if abandon:
            self._manager.cancel_request(name)
        running.emit(last)

    # --- the router's thread ---------------------------------------------------------------------------------

    def _route(self) -> None:
        while not self._closing.is_set():
            output = self._manager.get_result(timeout=_POLL_S)
            if output is not None:
                self._deliver(output)
            elif not self._manager.is_running():
                self.pulse.failure = "The model engine stopped."
                break
        failure = self.pulse.failure
        last = Piece("", 0, "cancelled") if failure is None else Piece("", 0, "error", failure)
        for name in list(self._jobs):
            self._end(name, last)

    def _deliver(self, output: Any) -> None:
        name = output.request_id
        with self._lock:
            running = self._jobs.get(name)
            if running is not None:
                self.pulse.begin()
        if running is None:
            return
        fresh = output.generated_tokens[running.seen :]
        running.seen += len(fresh)
        text = running.text.push(fresh)
        if output.error is not None:
            self._end(name, Piece(text, len(fresh), "error", "The model failed on this request."))
        elif running.text.stopped:
            self._end(name, Piece(text, len(fresh), "stop"), abandon=not output.is_finished())
        elif output.is_finished():
            full = running.seen >= running.max_tokens and output.generated_tokens[-1] not in self._ends
            reason: Any = "length" if full else "stop"
            self._end(name, Piece(text + running.text.flush(), len(fresh), reason))
        elif text:
            running.emit(Piece(text, len(fresh)))


def _folder_of(spec: ModelSpec, models_folder: Path) -> Path:
    assert spec.path is not None
    return safetensors_of(spec.path, models_folder, sha256=spec.sha256) if spec.kind == "gguf" else spec.path


def _device(hardware: Hardware) -> str:
    import torch

    if hardware.threads is not None:
        torch.set_num_threads(hardware.threads)
    if hardware.device == "cuda" and not torch.cuda.is_available():
        raise ModelError(
            "device = 'cuda' was asked for and torch sees no GPU; install the CUDA build or set device = 'cpu'."
        )
    return "cuda" if hardware.device != "cpu" and torch.cuda.is_available() else "cpu"


def _load(folder: Path, adapter: Path | None, device: str) -> tuple[Any, Any]:
    """Tokenizer and model in bfloat16 (float32 on a CPU without it); an adapter is merged in float32 first."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet()
    dtype = torch.bfloat16 if device == "cuda" or _cpu_has_bf16() else torch.float32
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32 if adapter else dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
        )
        if adapter is not None:
            model = merge(model, adapter)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as exc:
        what = f"{folder} with the adapter {adapter}" if adapter else f"{folder}"
        raise ModelError(f"The model {what} cannot be loaded: {str(exc).splitlines()[0]}") from exc
    if not tokenizer.chat_template:
        raise ModelError(f"The model {folder} has no chat template; take its instruction-tuned version.")
    return tokenizer, model.to(device=device, dtype=dtype).eval()


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    ends = getattr(model.generation_config, "eos_token_id", None) or tokenizer.eos_token_id
    return ends if isinstance(ends, list) else [] if ends is None else [ends]


def _cached_tokens(model: Any, slots: int, wanted: int, device: str) -> int:
    """Tokens that the cache holds for all slots together.

    What the slots can use and no more: transformers' own choice is most of the GPU, and while a new model is published it starts
    beside the old one.
    """
    pages = slots * -(-wanted // _PAGE[device])
    if device == "cuda":
        pages = min(pages, _pages_that_fit(model, _PAGE[device]))
    if pages < 2:
        raise ModelError("The GPU has no memory left for this model's cache; free some, or take a smaller model.")
    return pages * _PAGE[device]


def _pages_that_fit(model: Any, page: int) -> int:
    import torch

    config = model.config.get_text_config()
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    bytes_a_token = 2 * 2 * config.num_hidden_layers * config.num_key_value_heads * width  # keys and values, bfloat16
    return int(_MOST_OF_FREE * torch.cuda.mem_get_info()[0] / (bytes_a_token * page))


def _start_manager(model: Any, ends: list[int], slots: int, cached: int, device: str) -> Any:
    from transformers import GenerationConfig
    from transformers.generation.configuration_utils import ContinuousBatchingConfig

    # processors exist only for values that differ from the neutral ones; each request then sets its own
    generation = GenerationConfig(
        do_sample=True, temperature=0.7, top_k=_LOGITS_KEPT, top_p=0.9, eos_token_id=ends or -1, max_new_tokens=512
    )
    config = ContinuousBatchingConfig(
        page_size=_PAGE[device],
        num_blocks=cached // _PAGE[device],
        max_requests_per_batch=slots,
        per_request_processors=True,
        **_BATCHING[device],
    )
    model.get_output_embeddings().register_forward_hook(_without_ties)
    manager = model.init_continuous_batching(generation_config=generation, continuous_batching_config=config)
    manager.start()
    return manager


def _without_ties(module: Any, inputs: Any, logits: Any) -> Any:
    """Float32 logits that fall by 0.05 over the vocabulary: less than bfloat16 resolves at the values that count.

    The batch draws every token, greedy ones from the top 1, and bfloat16 logits often tie there; argmax takes one.
    """
    import torch

    return logits.float() - torch.linspace(0.0, 0.05, logits.shape[-1], device=logits.device)


def _cpu_has_bf16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags or " bf16" in flags
