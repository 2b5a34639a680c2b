"""A small .gguf as an OpenVINO model whose matrices AMX multiplies, made once. Must not know settings, requests or the tokenizer.

Measured with the embedded 135M model, 8 chats, prompts of 290 tokens, two Xeon cores: prompts are read 3 times as fast as with
the 4-bit weights in float32, a step for 8 tokens takes 17 ms instead of 20.5, one for 40 tokens 32 instead of 43.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError
from chatbot.generation.catalogue import sha256_of
from chatbot.half_made import CONVERTING, half_made

MARKER = "matrices.json"
AMX_PROPERTIES: dict[str, Any] = {
    "INFERENCE_PRECISION_HINT": "bf16",
    "KV_CACHE_PRECISION": "bf16",  # AMX reads it as it is: attention takes 3.1 ms a step instead of 5.6 with 8 bits
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 2**32 - 1,  # a row is one group: what the plug-in's fused 8-bit MLP asks for
}
_LARGEST_FILE = (
    256_000_000  # bytes; beyond, a step waits for memory, and fewer bits are worth more than faster products
)
_FORM = 1  # of what is written; a folder of another form is made anew


def worthwhile(gguf: Path) -> bool:
    """Whether this processor has AMX for bf16 and 8 bits, and the file is small enough."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:  # no Linux: no AMX that anybody could ask for
        return False
    return {"amx_bf16", "amx_int8"} <= set(flags) and gguf.stat().st_size <= _LARGEST_FILE


def matrices_of(gguf: Path, models_folder: Path, *, sha256: str | None = None) -> Path:
    """The folder with openvino_model.xml; made on the first call (some seconds, two bytes a weight).

    The folder is renamed into place when complete, so a kill leaves nothing that is trusted. Raises ModelError.
    """
    digest = sha256 or sha256_of(gguf)
    folder = models_folder / f"{gguf.stem.lower()}-{digest[:12]}-amx{_FORM}"
    if (folder / MARKER).is_file():
        return folder
    if folder.exists():
        shutil.rmtree(folder)
    try:
        with half_made(models_folder, CONVERTING) as made:
            _make(gguf, made)
            (made / MARKER).write_text(json.dumps({"source": gguf.name, "source_sha256": digest}), encoding="utf-8")
            _publish(made, folder)
    except OSError as exc:
        raise ModelError(f"What {gguf} becomes cannot be written to {models_folder}: {exc.strerror}.") from exc
    except (
        RuntimeError,
        LookupError,
        ValueError,
    ) as exc:  # what the native reader raises for a file that it cannot read
        raise ModelError(
            f'OpenVINO cannot read the model file {gguf}; use another GGUF, or set engine = "transformers".'
        ) from exc
    return folder


def _publish(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:
        if not (folder / MARKER).is_file():  # else another process was faster, and its folder is as good
            raise


def _make(gguf: Path, target: Path) -> None:
    import openvino
    import openvino_genai

    as_read = target / "as-read"
    as_read.mkdir()
    link = as_read / "model.gguf"  # GenAI writes beside the file that it reads
    os.symlink(gguf.absolute(), link)
    openvino_genai.ContinuousBatchingPipeline(
        str(link), openvino_genai.SchedulerConfig(), "CPU", {"enable_save_ov_model": True}
    )
    core = openvino.Core()
    model = core.read_model(as_read / "openvino_model.xml")
    for node in model.get_ordered_ops():
        if node.get_type_name() == "MatMul":
            _rewrite(core, node)
    model.validate_nodes_and_infer_types()
    openvino.save_model(model, target / "openvino_model.xml", compress_to_fp16=False)
    del model
    shutil.rmtree(as_read)


def _rewrite(core: Any, product: Any) -> None:
    """Gives a product with weights the same ones in plain form: 8 bits a row before the gate, else 16 bits."""
    from openvino import opset13 as ops

    given = product.input_value(1)
    if given.get_partial_shape().is_dynamic or len(given.get_shape()) != 2 or not _is_constant(given.get_node()):
        return
    weights = _value(core, given)
    plain = _eight_bits(weights) if _makes_the_gate(product) else _sixteen_bits(weights)
    product.input(1).replace_source_output(ops.convert(plain, "f32").output(0))


def _is_constant(node: Any) -> bool:
    """Whether nothing that is only known at run time leads to it."""
    if node.get_type_name() == "Constant":
        return True
    inputs = node.input_values()
    return bool(inputs) and all(_is_constant(value.get_node()) for value in inputs)


def _makes_the_gate(product: Any) -> bool:
    """Whether its output goes into silu(gate) * up, on either side.

    Only these inputs, fresh from the norm, bear 8 bits: with the product behind the gate in 8 bits too, the divergence from
    float32 was five times as large.
    """
    users = [target.get_node() for target in product.output(0).get_target_inputs()]
    if len(users) != 1:
        return False
    if users[0].get_type_name() == "Swish":
        return True
    sides = [value.get_node().get_type_name() for value in users[0].input_values()]
    return users[0].get_type_name() == "Multiply" and "Swish" in sides


def _value(core: Any, output: Any) -> Any:
    import numpy as np
    import openvino
    from openvino import opset13 as ops

    alone = core.compile_model(
        openvino.Model([ops.result(output)], [], "weights"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return np.array(next(iter(alone({}).values())), dtype=np.float32)


def _sixteen_bits(weights: Any) -> Any:
    import numpy as np
    from openvino import opset13 as ops

    return ops.constant(weights.astype(np.float16))


def _eight_bits(weights: Any) -> Any:
    """Rows of 127 steps up and down, each with its own scale: .8 % of a row's length is lost."""
    import numpy as np
    from openvino import opset13 as ops

    scale = np.maximum(np.abs(weights).max(axis=1, keepdims=True) / 127, 1e-7).astype(np.float16)
    steps = np.clip(np.rint(weights / scale.astype(np.float32)), -127, 127).astype(np.int8)
    return ops.multiply(ops.convert(ops.constant(steps), "f16"), ops.constant(scale))
