"""Checks of the worker, the daily comparison and what it compares by. What is overdue is in the waiting list."""

from datetime import timedelta

from plugin.flows.common import worker_state
from plugin.flows.common.services import Services
from plugin.flows.matching import look_alikes
from plugin.flows.photos import comparison
from plugin.words.plurals import pluralize
from sidecar.doctor.finding import Finding
from sidecar.words import threshold_words

_DAY = timedelta(days=1)


def check_worker(services: Services) -> Finding:
    """When a worker last swept; the sweep that a command does at its start does not count."""
    found = worker_state.read(services)
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


def check_comparison(services: Services) -> Finding:
    """How far the daily comparison is, and whether a round takes longer than a day."""
    what, found, now = "comparison", comparison.find_round(services), services.clock.now()
    if found.began_at is None:
        return Finding(what, True, "none has begun yet: a worker does it each night", looked=False)
    if found.is_over and found.ended_at is not None:
        took = (found.ended_at - found.began_at).total_seconds() / 60
        ago = (now - found.ended_at).total_seconds() / 3600
        return Finding(what, True, f"the last ended {ago:.0f} h ago and took {took:.0f} min")
    hours = (now - found.began_at).total_seconds() / 3600
    said = f"under way for {hours:.0f} h, {pluralize(found.left, 'photograph is', 'photographs are')} left"
    mend = "give the worker more processes (recognizer.processes): it goes on each night where it was"
    return Finding(what, now - found.began_at <= _DAY, said, mend)


def check_thresholds(services: Services) -> Finding:
    """What the thresholds do with as many people as are compared now, and as near together as they lie."""
    found, card = look_alikes.count(services), services.faces.card
    if not found.compared:
        return Finding("thresholds", True, "nobody is compared now", looked=False)
    points = card.explain_thresholds(services.config.matching, found.compared, found.lowered)
    told = threshold_words.list_thresholds(points, found.lowered)
    said = [f"with {pluralize(found.compared, 'person', 'people')}", *told]
    if any(point.extrapolated for point in points):
        said.append(f"the engine is {threshold_words.describe_low_end(card)}")
    return Finding("thresholds", True, "; ".join(said))
