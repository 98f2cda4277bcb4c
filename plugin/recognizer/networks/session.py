"""Opens a network: onnxruntime on one thread, quiet, without an arena that never shrinks."""

import ctypes
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from plugin.errors import EngineError

os.environ["ORT_DISABLE_TELEMETRY"] = (
    "1"  # else its releases from 1.24 on report to their maker, in a thread of their own
)
import onnxruntime

_TRIM, _MMAP = -1, -3  # of mallopt(3)
_KEPT = 512 * 2**20


@cache
def _keep_memory() -> None:
    """Let glibc keep the memory of large arrays: new pages from the kernel take a third of a detection.

    The child releases it between photographs (`child`). Without glibc detection is only slower.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP, _KEPT // 2)
        mallopt(_TRIM, _KEPT)


def open_session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """An onnxruntime session on the CPU, one thread. Raises EngineError if the model does not load."""
    _keep_memory()
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
