"""One way to open a network: onnxruntime on one thread, quiet, without an arena that never shrinks."""

from pathlib import Path
from typing import Any

import onnxruntime

from plugin.errors import EngineError


def open_session(model: Path | bytes) -> Any:
    """An onnxruntime session on the CPU, one thread. Raises EngineError if the model does not load."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # processes are the unit of parallelism
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        given = model if isinstance(model, bytes) else str(model)
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise EngineError(f"onnxruntime cannot load the model: {str(error)[:200]}") from error
