"""What every flow is given: configuration, clock, store, keys, queue, DAM and recogniser."""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

from plugin.clock import Clock
from plugin.config import Config
from plugin.flows.common.recogniser import Recogniser
from plugin.hooks.dam import Dam
from plugin.hooks.timed_calls import TimedCalls
from plugin.ledger.keys.free_text import TextSealer
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.keys.name_hashes import NameHasher
from plugin.ledger.keys.vault import Vault
from plugin.ledger.log.endings import EndedLog
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.queue.jobs import Queue
from plugin.ledger.store.store import Store
from plugin.quitclaim.clearance.answers import Policy
from plugin.quitclaim.consent.model import AgeRules


@dataclass(frozen=True)
class Services:
    """Made once a process by the sidecar."""

    config: Config
    clock: Clock
    store: Store
    master: MasterKeys
    vault: Vault
    ended: EndedLog
    queue: Queue
    dam: Dam
    faces: Recogniser
    name_hasher: NameHasher
    timed_calls: TimedCalls = field(default_factory=TimedCalls)
    """By which a page asks the DAM for what it can do without."""

    @property
    def ages(self) -> AgeRules:
        minors = self.config.minors
        return AgeRules(minors.age, minors.recognition_from, minors.guardians, self.config.site.zone)

    def policy_for(self, channel: str, longest: int | None = 0) -> Policy:
        """The policy of a channel, at its `max_px` or at `longest` px, whichever is more.

        `longest`: the longer side of the file that is taken, 0 where no larger than `max_px`; None: the original's.
        """
        rules, most = self.config.clearance, self.config.clearance.max_px.get(channel)
        return Policy(
            needs_confirmed=rules.needs_confirmed,
            small_figures_block=rules.small_figures_block,
            count_px=self.config.matching.count_px,
            recognisable_px=rules.recognisable_px,
            detect_px=self.config.recognizer.detect_px,
            shown_px=None if most is None or longest is None else max(most, longest),
        )

    @property
    def head_key(self) -> HeadKey:
        """What signs heads and manifests, read from its file at each use. Raises VaultError where it is not there."""
        return HeadKey.load(self.config.path(self.config.keys.heads_key_file))

    def texts(self, connection: Connection) -> TextSealer:
        """Opens free text, for one page."""
        return TextSealer(connection, self.vault)

    def today(self) -> date:
        """Today's date in the organisation's zone."""
        return self.clock.now().astimezone(self.config.site.zone).date()
