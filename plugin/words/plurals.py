"""A number and its noun, in the English of commands and errors; what has a catalogue is counted there."""


def pluralize(count: int, one: str, more: str = "") -> str:
    """The number and its noun: "1 grant", "2 grants"; `more` says it of any number but one, if an s does not do."""
    return f"{count} {one if count == 1 else more or one + 's'}"
