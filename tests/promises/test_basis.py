"""C5: no encoding is computed in a collection without a valid basis."""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import cast as typed

import pytest
from sqlalchemy import delete, insert, select

from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.recogniser import Recogniser
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import gallery
from plugin.ledger import tables as t
from plugin.recognizer.engines.engine import Detections, Encoder, Floats
from plugin.recognizer.engines.registry import open_engine
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.examination.messages import Enrolment, Examination, ExaminationRequest, ReferencePicture
from plugin.recognizer.examination.quality import build_enrolment
from plugin.recognizer.examination.reference_faces import list_reference_faces
from plugin.recognizer.matching.gallery import Enrolled, Gallery
from plugin.recognizer.pictures.decode import Limits
from plugin.recognizer.pictures.pixels import Pixels
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from sidecar.running.runner import Runner
from tests import support

MODES = ("off", "detect", "suggest", "auto", "never")
BASES = (None, "all-asked", "shoot", "controller")
REVIEWS = (None, "to come", "today", "past")
GALLERIES = ("nobody", "living", "expired", "living, not signed up")
OTHERS = (None, "off", "never")


class Counting:
    """The real encoder, and how many faces it was given."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self.id, self.faces = encoder, encoder.id, 0

    def encode(self, picture: Pixels, faces: Detections, mirrored: bool = False) -> Floats:
        self.faces += len(faces)
        return self._encoder.encode(picture, faces, mirrored)


class Here:
    """The real engine in this process, where the calls of its encoder can be counted."""

    def __init__(self, services: Services) -> None:
        config = bootstrap.resolve_models(services.config)
        engine = open_engine(config.recognizer, Path(config.recognizer.cache))
        self.counting = Counting(engine.encoder)
        self._pipeline = Pipeline(replace(engine, encoder=self.counting), config.recognizer, config.matching)
        self._gallery = Gallery([], 0)
        self.engine_id, self.card = engine.id, engine.card
        self._limits = Limits(config.recognizer.max_megapixels, config.recognizer.max_megabytes)

    def load_gallery(self, entries: Sequence[Enrolled], generation: int) -> None:
        self._gallery = Gallery(entries, self._pipeline.engine.card.distances.look_alike)

    def examine(self, source: Path | bytes, request: ExaminationRequest) -> Examination:
        return self._pipeline.examine(source, request, self._gallery)

    def enrol(self, pictures: Sequence[Path | bytes]) -> Enrolment:
        return build_enrolment(self._pipeline, pictures)

    def list_faces(self, picture: Path | bytes) -> ReferencePicture:
        return list_reference_faces(self._pipeline, picture, self._limits)

    def close(self) -> None:
        """Nothing to end."""


def _rule(services: Services, ref: str, mode: str, basis: str | None, review: date | None, member: str) -> None:
    """Put a collection's ruling into the store as it is, lawful or not: as if set long ago."""
    with services.store.write() as tx:
        tx.execute(delete(t.collection).where(t.collection.c.ref == ref))
        tx.execute(
            insert(t.collection).values(
                ref=ref, title=ref, mode=mode, basis=basis, review_date=review, set_by="test", set_at=tx.now
            )
        )
        if member:
            modes.join_shoot(tx, ref, member)


def _lawful(mode: str, basis: str | None, review: str | None, people: str, other: str | None) -> bool:
    """The rule in plain words, written a second time."""
    if other == "never" or mode not in ("suggest", "auto") or basis is None or review == "past":
        return False
    if basis == "controller" and review is None:
        return False
    if basis == "shoot" and people == "living, not signed up":
        return False
    return people.startswith("living")


def _reported(services: Services) -> int:
    """The faces that the audit log says were encoded, on all photographs."""
    import json

    with services.store.read() as conn:
        rows = conn.scalars(select(t.audit.c.details).where(t.audit.c.action == "photo:face:scan"))
        return sum(json.loads(details)["encoded"] for details in rows)


@pytest.mark.promise
def test_no_encoding_without_a_basis(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, promise: Callable[[str, str], None], full: bool
) -> None:
    """Faces are encoded only where mode, basis, review date and a living gallery allow it, at that moment.

    The encoder's calls are counted in this process, and compared with what the audit log reports; the
    other side is checked too: where it is lawful, faces are encoded.
    """
    config = support.configuration(tmp_path)
    (tmp_path / "photos" / support.SHOOT / "within").mkdir(parents=True)
    cases = list(itertools.product(MODES, BASES, REVIEWS, GALLERIES, OTHERS))
    if not full:
        cases = [*random.Random(5).sample(cases, 60), ("auto", "all-asked", None, "living", None)]
    photos = encoded_without = lawful = silent = 0
    with support.opened(config, clock, examiner) as with_child:
        here = Here(with_child)
        services = replace(with_child, faces=Recogniser(typed(Examiner, here)))
        cast = support.Cast(services)
        asa, dag = cast.add("Åsa"), cast.add("Dag")
        ref = support.put(tmp_path / "photos", "shoot/within/one.jpg", samples.A_STANDING, (240, 320))
        with services.store.write() as tx:
            services.queue.put(tx, "photo", ref)
        Runner(services).drain()
        for mode, basis, review, people, other in cases:
            _set_gallery(services, cast, clock, asa, people)
            day = {None: None, "to come": 3, "today": 0, "past": -1}[review]
            when = None if day is None else services.today() + timedelta(days=day)
            member = {"living, not signed up": dag, "nobody": ""}.get(people, asa)
            _rule(services, "shoot/within", mode, basis, when, member)
            _rule(services, "shoot", other or "off", None, None, "")
            before, told = here.counting.faces, _reported(services)
            with services.store.write() as tx:
                services.queue.put(tx, "photo", ref)
            Runner(services).drain()
            photos += 1
            calls = here.counting.faces - before
            assert calls == _reported(services) - told, "the report does not say what was encoded"
            if _lawful(mode, basis, review, people, other):
                lawful += 1
                silent += calls == 0
            else:
                encoded_without += calls
        # What the child process reports for the lawful case is what is counted here.
        _set_gallery(services, cast, clock, asa, "living")
        _rule(services, "shoot/within", "auto", "all-asked", None, asa)
        _rule(services, "shoot", "off", None, None, "")
        told = _reported(services)
        with with_child.store.write() as tx:
            with_child.queue.put(tx, "photo", ref)
        Runner(with_child).drain()
        by_child = _reported(services) - told
    promise(
        "C5",
        f"encodings without a basis {encoded_without} of {photos} photos "
        f"({lawful} with one: encoded {lawful - silent}; the child reports {by_child} where 1 was counted)",
    )
    assert encoded_without == 0
    assert lawful
    assert silent == 0
    assert by_child == 1


def _set_gallery(services: Services, cast: support.Cast, clock: ManualClock, who: str, people: str) -> None:
    withdrawal.withdraw(services, who, None, "test")
    if people != "nobody":
        clock.advance(timedelta(minutes=1))
        cast.sign(who, lasts=timedelta(minutes=5))
        cast.enrol(who, samples.A_FRONT)
    if people == "expired":
        gallery.refresh(services)
        clock.advance(timedelta(minutes=6))
