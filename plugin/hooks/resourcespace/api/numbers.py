"""A ref on this server is a number."""

from plugin.errors import ResourceGone


def is_number(ref: str) -> bool:
    """Whether `ref` has the form of the DAM's numbers."""
    return ref.isascii() and ref.isdigit() and ref == str(int(ref)) and ref != "0"


def build_no_number_error() -> ResourceGone:
    """The error for any other ref."""
    return ResourceGone("the DAM numbers its resources, and this is no number: it is of another DAM")


def refuse_no_number(ref: str) -> None:
    """Raises ResourceGone for any other ref."""
    if not is_number(ref):
        raise build_no_number_error()
