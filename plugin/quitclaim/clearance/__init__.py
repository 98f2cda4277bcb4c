"""May a photograph be used: scopes, reasons, and the answer."""
