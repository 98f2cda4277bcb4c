"""What this machine's processor computes fast."""

from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_INTEGER_DOT = {"avx512_vnni", "avx_vnni"}


def find_form(cpuinfo: Path = _CPUINFO) -> str:
    """The form of a network to use: "int8" with instructions for products of 8-bit integers, else "float".

    Without them onnxruntime's integers gain little, and on older x86 processors may overflow. "float" too where the
    system does not say what the processor has.
    """
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return "float"
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return "int8" if _INTEGER_DOT.intersection(flags) else "float"
