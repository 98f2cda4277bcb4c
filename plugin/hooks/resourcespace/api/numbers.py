"""A resource's ref on this server is its number, and nothing else is one."""

from plugin.errors import ResourceGone


def is_number(ref: str) -> bool:
    """Whether `ref` is written as the DAM writes its numbers."""
    return ref.isascii() and ref.isdigit() and ref == str(int(ref)) and ref != "0"


def build_no_number_error() -> ResourceGone:
    """What is raised for any other ref."""
    return ResourceGone("the DAM numbers its resources, and this is no number: it is of another DAM")


def refuse_no_number(ref: str) -> None:
    """Raises ResourceGone for what is none."""
    if not is_number(ref):
        raise build_no_number_error()
