"""What the doctor finds of the proofs."""

from plugin.flows import closed_house, house_closing
from plugin.flows.services import Services
from sidecar.findings import Finding


def ended_log(services: Services) -> Finding:
    """Whether ended.log is what was known of it; and since when it is a file that was begun anew."""
    what = "ended.log"
    with services.store.read() as conn:
        found = closed_house.why(services, conn)
        anew = house_closing.is_anew_since(conn)
    if found is not None:
        said = closed_house.said(found, services.ended.path)
        return Finding(what, False, said, f"{closed_house.MEND}; administrators.md says how")
    lines = services.ended.mark().lines
    if anew is None:
        return Finding(what, True, f"{lines} endings, as they are known")
    day = f"{anew.astimezone(services.config.site.zone):%Y-%m-%d}"
    return Finding(
        what, True,
        f"{lines} endings, in a file that was begun anew on {day}: what ended before then stands in it only as far as "
        "the store knew it",
    )  # fmt: skip
