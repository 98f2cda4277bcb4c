"""What the doctor says of the work itself: whether a worker does it. What is late stands in the waiting list."""

from plugin.flows import working
from plugin.flows.services import Services
from sidecar.finding import Finding


def worker(services: Services) -> Finding:
    """A command sweeps too, at its start, and is no worker: after it nobody does."""
    found = working.worker(services)
    mend = "start `facelease work`, or `facelease serve --with-worker`: it sweeps every minute"
    if found.age is None:
        return Finding("worker", False, "none has ever swept", mend)
    minutes = found.age.total_seconds() / 60
    if not found.runs:
        return Finding("worker", False, f"the last sweep of one was {minutes:.0f} min ago", mend)
    if not found.alike:
        said = "it runs with another configuration than the one that was read now"
        return Finding("worker", False, said, "restart every process of FaceLease: `serve` and `work`")
    return Finding("worker", True, f"it swept {minutes:.0f} min ago, with this configuration")
