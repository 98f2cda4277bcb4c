"""What an erasure found and did, as lines of its certificate."""

from plugin.flows.rights.erasure_register import ErasureFacts
from plugin.hooks.mention import CertificateLine, Mentions


def named(mentions: Mentions) -> set[str]:
    """The resources that bear the name as a name."""
    return {one.ref for one in mentions.found if one.ref is not None and one.named}


def mentioned(mentions: Mentions, theirs: frozenset[str]) -> list[CertificateLine]:
    """Where the name stands in the DAM: on their photographs, or anywhere else, where it may be another's."""
    return [
        CertificateLine(
            "found_dam" if one.ref in theirs else "found_dam_other", {"at": one.at, "fields": ", ".join(one.fields)}
        )
        for one in sorted(mentions.found, key=lambda one: (one.at, one.fields))
    ]


def beside(found: list[tuple[str, int]]) -> list[CertificateLine]:
    """By number alone: what such a file is called may name somebody."""
    where = ", ".join(f"{ref} ({count})" for ref, count in found)
    return [CertificateLine("beside", {"where": where})] if found else []


def rows_gone(held: ErasureFacts) -> list[CertificateLine]:
    """Which rows there were, whichever run deleted them."""
    rows = ", ".join(f"{kind} {count}" for kind, count in held.rows.items() if count)
    return [CertificateLine("rows_gone", {"rows": rows}) if rows else CertificateLine("rows_gone_before")]
