"""P2: a letter goes once; where nobody can tell whether it went, it goes again under the same Message-ID."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from plugin.clock import SystemClock
from plugin.config import Config
from plugin.flows.common.services import Services
from plugin.flows.people import outbox, register
from plugin.flows.people.outbox import Letter
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import mail_worker, mailbox, support
from tests.mailbox import Mailbox

Promise = Callable[[str, str], None]

_PATIENCE = 60  # seconds
_BATCH = 12


class Moody:
    """A server that now and then is busy, says nothing, or takes a letter and fails to say so."""

    def __init__(self, box: Mailbox, chance: random.Random) -> None:
        self._chance, self._box = chance, box
        self.busy = self.silent = self.unsaid = 0
        self._late: dict[int, float] = {}
        box.data, box.late = self._data, lambda number: self._late[number]

    def _data(self, number: int) -> str:
        self._late[number] = self._chance.uniform(0, 0.05)
        mood = self._chance.random()
        if mood < 0.08:
            self.busy += 1
            return "451 4.3.0 busy"
        if mood < 0.11:
            self.silent += 1
            self._late[number] = 3.0
            return "451 4.3.0 too late"
        if mood < 0.13:
            self.unsaid += 1
            self._late[number] = 3.0
        return mailbox.TAKEN


class Crew:
    """Two processes; one is killed at a random moment, and replaced."""

    def __init__(self, config: Config, control: Path, chance: random.Random) -> None:
        self._config, self._control, self._chance = config, control, chance
        control.mkdir()
        self._workers = [mail_worker.start(config, control) for _ in range(2)]
        self.kills = self.in_hand = 0

    def kill(self, which: int) -> None:
        """Mostly while it has a letter in hand: those are the kills that matter."""
        worker = self._workers[which]
        assert _until((self._control / f"ready-{worker.pid}").exists), (self._control / "errors").read_text()
        mark = self._control / f"hand-{worker.pid}"
        end = time.monotonic() + 1
        while not mark.exists() and time.monotonic() < end:
            time.sleep(0.0005)
        time.sleep(self._chance.uniform(0, 0.12))
        worker.kill()
        worker.wait()
        self.kills += 1
        self.in_hand += mark.exists()
        self._workers[which] = mail_worker.start(self._config, self._control)

    def stop(self) -> None:
        (self._control / "stop").touch()
        for worker in self._workers:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _until(true: Callable[[], bool], seconds: float = _PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return true()


def _queue(services: Services, first: int) -> None:
    """A batch of people, a letter each; its cause comes twice, as it does when a chore is repeated."""
    for number in range(first, first + _BATCH):
        address = f"sample{number}@example.org"
        person_id = register.add(services, register.Newcomer(f"Sample {number}", email=address), "test")
        for _ in range(2):
            with services.store.write() as tx:
                outbox.put(services, tx, Letter(f"cause:{number}", "changed", "en", person_id))


def _open(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(t.mail.c.state == "queued")) or 0


@pytest.mark.promise
def test_no_letter_goes_twice_under_two_ids(tmp_path: Path, examiner: Examiner, promise: Promise, full: bool) -> None:
    """Processes killed at any moment, a server in every mood: none is lost, and a repetition bears its old id."""
    kills, chance = (40 if full else 6), random.Random(11)
    with mailbox.running(tmp_path / "mail") as box:
        moody = Moody(box, chance)
        config = support.configuration(
            tmp_path,
            mail=box.section(seconds=1.5),
            server={"public_url": mailbox.PUBLIC},
            jobs={"lease_seconds": 6, "backoff_seconds": 1, "attempts": 200},
        )
        with support.opened(config, SystemClock(), examiner) as services:
            crew = Crew(config, tmp_path / "control", chance)
            try:
                for number in range(kills):
                    _queue(services, number * _BATCH)
                    crew.kill(number % 2)
                assert _until(lambda: _all_sent(services), _PATIENCE + 2 * kills)
            finally:
                crew.stop()
            states = _states(services)
    ids: dict[str, set[str]] = {}
    for letter in box.letters:
        ids.setdefault(str(letter["To"]), set()).add(str(letter["Message-ID"]))
    copies = Counter(str(letter["Message-ID"]) for letter in box.letters)
    count, two_ids = kills * _BATCH, sum(len(found) > 1 for found in ids.values())
    duplicates = sum(copies.values()) - len(copies)
    promise(
        "P2",
        f"mails {count} (kills {crew.kills}, {crew.in_hand} of them with a letter in hand; answers busy {moody.busy}, "
        f"timed out {moody.silent}, taken but not said {moody.unsaid}): lost {count - len(ids)}, sent twice under "
        f"different ids {two_ids}; duplicates of one id {duplicates} <= {crew.in_hand} + {moody.unsaid}",
    )
    assert (len(ids), len(copies), two_ids) == (count, count, 0)
    assert duplicates <= crew.in_hand + moody.unsaid
    assert states == {"sent": count}
    assert crew.in_hand, "no kill fell where it matters"


def _all_sent(services: Services) -> bool:
    """Whether nothing waits; an hour's pause after many kills is not waited for, but taken as over."""
    with services.store.write() as tx:
        tx.execute(update(t.job).where(t.job.c.state == "queued").values(run_after=tx.now))
    return _open(services) == 0


def _states(services: Services) -> dict[str, int]:
    with services.store.read() as conn:
        found = conn.execute(select(t.mail.c.state, func.count()).group_by(t.mail.c.state)).all()
    return {str(state): int(number) for state, number in found}
