"""The confined process that reads untrusted files.

Started by `reader` as `python -m plugin.confinement.reading_process`; speaks `wire` on its former stdin and stdout. The
first message names the module whose `answer` it calls.
"""

import importlib
from collections.abc import Callable
from typing import BinaryIO

from plugin.confinement import environment, wire
from plugin.confinement.sandbox import Bounds, confine
from plugin.errors import FaceLeaseError


def main() -> None:
    """Serve until the other side closes the pipe."""
    source, sink = wire.take_over_pipes()
    try:
        header, _ = wire.receive(source, 0)
        answer = importlib.import_module(str(header["task"])).answer  # libraries read files of the system as they load
        paths = [*environment.list_library_paths(), *environment.list_package_paths()]
        held = confine(Bounds(paths, int(str(header["memory_mb"])), int(str(header["cpu_seconds"]))))
        wire.send(sink, {"held": held.to_json()})
        _serve(source, sink, answer)
    except wire.PipeClosed:
        return


def _serve(source: BinaryIO, sink: BinaryIO, answer: Callable[[dict[str, object], list[bytes]], wire.Message]) -> None:
    while True:
        header, parts = wire.receive(source, wire.BODY_LIMIT)
        try:
            reply, found = answer(header, parts)
        except FaceLeaseError as error:
            reply, found = {"refused": type(error).__name__, "message": str(error)[:1000]}, []
        wire.send(sink, reply, found)


if __name__ == "__main__":
    main()
