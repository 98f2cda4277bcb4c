"""`facelease` and `python -m sidecar`: the command line, stopped quietly from its first moment on."""

import sys

from sidecar.running import shutdown


def main() -> None:
    """Hear signals, then load the rest, which takes a second."""
    shutdown.listen(sys.argv[1:])
    try:
        from sidecar import cli  # not before signals are heard

        cli.main()
    except KeyboardInterrupt:
        sys.stderr.write(f"{shutdown.STOPPED}\n")
        sys.exit(shutdown.INTERRUPTED)


if __name__ == "__main__":
    main()
