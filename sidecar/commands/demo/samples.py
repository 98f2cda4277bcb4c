"""The few portraits that come with face_recognition's source distribution, unpacked by ./run.

They are known by the sha256 of their bytes: who they show is nobody's business here. Sample person
A is in six of them, sample person B in one.
"""

import hashlib
import os
from functools import cache
from pathlib import Path

from plugin.errors import NotFound

A_FRONT = "0930e3aa8cae"
A_SPEECH = "a7efcc907375"
A_SPEECH_RGBA = "44dca895a7d6"  # the same picture as A_SPEECH, a PNG with an alpha channel
A_STANDING = "76ac6bf97c36"
A_FRONT_CUT_LEFT = "c2d1f09e7ef3"  # A_FRONT, cut through the face
A_FRONT_CUT_RIGHT = "9a812347f976"
B_STANDING = "3c17508bb915"


@cache
def _by_hash(folder: Path) -> dict[str, Path]:
    files = sorted(p for p in folder.glob("*") if p.is_file())
    return {hashlib.sha256(p.read_bytes()).hexdigest()[:12]: p for p in files}


def portrait(prefix: str) -> Path:
    """The portrait whose sha256 starts with `prefix`. Raises NotFound if ./run has not put it there."""
    folder = Path(os.environ.get("FACELEASE_PORTRAITS", ".cache/portraits")).resolve()
    try:
        return _by_hash(folder)[prefix]
    except KeyError:
        raise NotFound(f"portrait {prefix} is not in {folder}: start with ./run, which unpacks them") from None
