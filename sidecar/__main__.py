"""`python -m sidecar` is the command line."""

from sidecar.cli import main

main()
