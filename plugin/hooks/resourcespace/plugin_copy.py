"""The manifest by which the plugin checks that its copy in the DAM is complete.

Generated after each change of the plugin by `python -m plugin.hooks.resourcespace.plugin_copy`; a test fails otherwise.
"""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent / "facelease"
MANIFEST = FOLDER / "include" / "manifest.php"


def build_manifest() -> str:
    """The manifest's text: each file but itself, with its size and SHA-256."""
    rows = "".join(f"    '{name}' => [{size}, '{digest}'],\n" for name, size, digest in _list_files())
    return (
        "<?php\n\n// Made by python -m plugin.hooks.resourcespace.plugin_copy: the files of this plugin.\n"
        f"return [\n{rows}];\n"
    )


def _list_files() -> list[tuple[str, int, str]]:
    found = []
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and path != MANIFEST:
            body = path.read_bytes()
            found.append((path.relative_to(FOLDER).as_posix(), len(body), hashlib.sha256(body).hexdigest()))
    return found


if __name__ == "__main__":
    MANIFEST.write_text(build_manifest(), encoding="utf-8")
