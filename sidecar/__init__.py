"""The sidecar: HTTP in, HTML and JSON out; no rules."""
