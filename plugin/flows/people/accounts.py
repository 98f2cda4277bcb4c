"""Accounts of the staff, as the log names them: `dam:NAME`, `openid:NAME`, `staff:NAME`, `cli:NAME`, `api:TOKEN-ID`."""

_ONE_PERSON = ("dam", "openid", "staff", "cli")  # one name by any of these doors is one person


def is_account(actor: str | None) -> bool:
    """Whether `actor` is somebody of the staff, or a program of theirs; no holder of a link, no calendar."""
    kind, _, name = (actor or "").partition(":")
    return bool(name) and kind in {*_ONE_PERSON, "api"}


def is_person(actor: str | None) -> bool:
    """Whether `actor` is a person of the staff: who has an account may have a program's token as well."""
    return is_account(actor) and (actor or "").partition(":")[0] in _ONE_PERSON


def is_same(one: str | None, other: str | None) -> bool:
    """Whether both are one account. Names are compared without case: the DAM signs in by such a name."""
    return is_account(one) and is_account(other) and _key(one) == _key(other)


def _key(actor: str | None) -> tuple[str, str]:
    kind, _, name = (actor or "").partition(":")
    return ("account" if kind in _ONE_PERSON else kind), name.strip().casefold()
