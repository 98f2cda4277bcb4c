"""A program that calls the API, and photographs that nobody had to examine."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import insert

from plugin.flows.access.programs import api_tokens
from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.store import inserted_id


class Api:
    """Requests under a token of all scopes, or of those given."""

    def __init__(self, services: Services, client: FlaskClient) -> None:
        self.services, self.client = services, client
        self.token = self.made([scope.value for scope in TokenScope], lasts=timedelta(days=3650))

    def beside(self, client: FlaskClient) -> "Api":
        """Another program with the same token."""
        other = Api.__new__(Api)
        other.services, other.client, other.token = self.services, client, self.token
        return other

    def made(
        self,
        scopes: Collection[str],
        tools: Collection[str] | None = None,
        lasts: timedelta = api_tokens.DEFAULT_LIFETIME,
    ) -> str:
        """A new token; returns its secret. Of the gate it may claim to be a CMS, unless `tools` says otherwise."""
        claims = tools if tools is not None else (["cms"] if TokenScope.GATE_USE in scopes else [])
        return api_tokens.create(self.services, "test", list(scopes), "test", lasts, tools=claims).secret

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The response; `path` without the prefix."""
        sent = {"Authorization": f"Bearer {self.token if token is None else token}", **(headers or {})}
        return self.client.open(f"/api/v1{path}", method=method, json=body, headers=sent)

    def get(self, path: str, **options: Any) -> Any:
        """The JSON of a GET that succeeds."""
        answer = self.ask("GET", path, **options)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json

    def post(self, path: str, body: Any, **options: Any) -> Any:
        """The JSON of a POST that succeeds."""
        answer = self.ask("POST", path, body, **options)
        assert answer.status_code < 300, answer.get_data(as_text=True)
        return answer.json


def photograph(services: Services, ref: str, *people: str) -> int:
    """A photograph on which exactly these people are named and confirmed; returns its number."""
    with services.store.write() as tx:
        values = {"file_version": "v", "kind": "photo", "examined": "whole", "seen_at": tx.now}
        number = inserted_id(tx.execute(insert(t.resource).values(ref=ref, **values)))
        for place, person in enumerate(people):
            tx.execute(
                insert(t.face).values(
                    resource_id=number,
                    file_version="v",
                    left=place / 10,
                    top=0.1,
                    width=0.1,
                    height=0.1,
                    width_px=90,
                    state="matched",
                    person_id=person,
                    created_at=tx.now,
                )
            )
            tx.execute(
                insert(t.tag).values(
                    resource_id=number,
                    node=person,
                    node_key=person,
                    person_id=person,
                    origin="confirmed",
                    places=[],
                    created_at=tx.now,
                )
            )
        photo_answers.recompute(services, tx, [number])
    return number
