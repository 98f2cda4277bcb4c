"""People: who may be tagged; and everything that is held on one of them (GDPR Art. 15)."""

from datetime import date
from typing import Annotated, Any

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.common import overdue
from plugin.flows.common.reference_sets import Pictures
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.names import name_doubts
from plugin.flows.people import ages, data_export, register
from plugin.flows.review import already_done
from plugin.flows.views.people import people_list as listing
from plugin.words.catalogues import Language
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, fill, json_response
from sidecar.web.request_models import (
    LINE,
    ChangeResult,
    Created,
    Day,
    EmptyRequest,
    EndResult,
    PageQuery,
    PersonPath,
    RequestModel,
    Word,
)


class NewPerson(RequestModel):
    """A person to be entered. `adopt`: the name that stands on photographs already is theirs.

    `despite_unread`: that is finished also where photographs were not read that may bear the name: until they are, no
    name there is theirs by its spelling.

    Without `birth_date`, and not declared to be `of_age`, nobody is named automatically.
    """

    name: Word
    language: Language = "en"
    birth_date: Day | None = None
    of_age: bool = False
    email: Annotated[str, StringConstraints(max_length=200, pattern=LINE)] = ""
    guardians: Annotated[tuple[Word, ...], Field(max_length=4)] = ()
    adopt: bool = False
    despite_unread: bool = False


class PersonCreated(Created):
    """Who was entered. `doubt`: why it is not known whether the name stands on photographs already; then it is not
    finished, and ends by itself."""

    doubt: str | None = None
    finished: bool = True


class PersonAge(RequestModel):
    """How old somebody is: declared to be of age, or a birth date, of which the latter counts."""

    of_age: bool = False
    birth_date: Day | None = None


class NewGuardian(RequestModel):
    """Somebody who signs for a minor."""

    name: Word


class Person(BaseModel):
    """A person, and what is in force now.

    `pictures`: whether reference pictures are kept, and whether somebody of the staff has vouched for them.
    """

    id: str
    name: str
    language: str
    birth_date: date | None
    age_known: bool
    recognition: bool
    publication: bool
    pictures: Pictures


class PersonPage(BaseModel):
    """A page of people, by id."""

    items: list[Person]
    next: str | None


class PersonExport(BaseModel):
    """Everything that is held on a person; templates and reference photographs by their existence."""

    model_config = ConfigDict(extra="forbid")  # what an export gains must be said here too

    person: dict[str, Any]
    contact: dict[str, Any]
    quitclaims: list[dict[str, Any]]
    photographs: list[dict[str, Any]]
    sealed: list[dict[str, Any]]
    guardians: list[dict[str, Any]]
    invitations: list[dict[str, Any]]
    mails: list[dict[str, Any]]
    requests: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    faces: list[dict[str, Any]]
    not_this_person: list[dict[str, Any]]
    shoots: list[dict[str, Any]]
    reference_sets: list[dict[str, Any]]


def routes(services: Services) -> Routes:
    """The routes of people."""
    api = Routes("people", "Who may be tagged")
    _add_read_routes(api, services)
    _add_write_routes(api, services)
    return api


def _add_read_routes(api: Routes, services: Services) -> None:
    @api.add("GET", "/people", Route(TokenScope.PEOPLE_READ), PersonPage)
    def people_list(query: PageQuery) -> Response:
        """A page of the people there are."""
        found = listing.page(services, query.after, query.limit + 1)
        items = [_to_person(one) for one in found[: query.limit]]
        return json_response(PersonPage(items=items, next=items[-1].id if len(found) > query.limit else None))

    @api.add("GET", "/people/<person_id>", Route(TokenScope.PEOPLE_READ), Person)
    def person_show(path: PersonPath) -> Response:
        """One person."""
        return json_response(_to_person(listing.show(services, path.person_id, caller().actor)))

    @api.add("GET", "/people/<person_id>/export", Route(TokenScope.EXPORTS_READ), PersonExport)
    def person_export(path: PersonPath) -> Response:
        """Everything that is held on a person."""
        held = register.export(services, path.person_id, caller().actor)
        PersonExport(**held)  # it is as the document of the API says
        return Response(data_export.to_json(held), content_type="application/json")


def _add_write_routes(api: Routes, services: Services) -> None:
    @api.add("POST", "/people", Route(TokenScope.PEOPLE_WRITE, changes=True), PersonCreated, 201)
    def person_add(body: NewPerson) -> Response:
        """Enter a person."""
        said = body.name, body.language, body.birth_date, body.email, body.guardians
        newcomer = register.Newcomer(*said, of_age=body.of_age)
        person_id = register.add(services, newcomer, caller().actor, body.adopt)
        gaps = name_doubts.find_gaps(services, person_id)
        doubt = name_doubts.explain(gaps) if gaps else None
        finished = doubt is None or body.despite_unread
        return json_response(PersonCreated(id=person_id, doubt=doubt, finished=finished), 201)

    @api.add("POST", "/people/<person_id>/age", Route(TokenScope.PEOPLE_WRITE, changes=True), ChangeResult)
    def person_age(path: PersonPath, body: PersonAge) -> Response:
        """Say how old somebody is of whom nobody knows it."""
        said = ages.Age(body.of_age, body.birth_date)
        changed = ages.declare(services, path.person_id, said, caller().actor)
        return json_response(ChangeResult(id=path.person_id, changed=changed))

    @api.add("POST", "/people/<person_id>/guardians", Route(TokenScope.PEOPLE_WRITE, changes=True), Created, 201)
    def guardian_add(path: PersonPath, body: NewGuardian) -> Response:
        """Make a guardian of a minor known."""
        made = register.add_guardian(services, path.person_id, body.name, caller().actor)
        return json_response(Created(id=made), 201)

    @api.add("POST", "/people/<person_id>/objection", Route(TokenScope.QUITCLAIMS_WRITE, changes=True), EndResult)
    def person_object(path: PersonPath, body: EmptyRequest) -> Response:
        """The person's own objection to being recognised: kept, also where no recognition was in force (count 0).

        A child's stops recognition at once. `ended_before`: since when they had objected already.
        """
        before = already_done.find_objected_at(services, path.person_id)
        count = withdrawal.object_to_recognition(services, path.person_id, caller().actor)
        finished = not overdue.is_pending(services, path.person_id)
        return json_response(EndResult(id=path.person_id, count=count, ended_before=before, finished=finished))


def _to_person(one: listing.Listed) -> Person:
    person = one.person
    about = {"id": person.id, "name": person.display_name, "language": person.language}
    return fill(Person, one, birth_date=person.birth_date, **about)
