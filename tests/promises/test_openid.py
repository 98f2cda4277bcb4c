"""S1, S2: who comes in by the identity provider, what opens no session, and how soon a lost role ends one."""

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from plugin.clock import ManualClock
from plugin.flows.access import openid_sign_in
from plugin.flows.common.services import Services
from plugin.hooks.openid import provider as provider_module
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import identity_provider, staff, support
from tests.identity_provider import CLIENT, SECRET, IdentityProvider, question_of

Promise = Callable[[str, str], None]
_GROUPS = {
    "administrators": ["chiefs"],
    "officers": ["privacy"],
    "editors": ["pictures", "shoot"],
    "auditors": ["audit"],
}


@pytest.fixture
def provider(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    """A provider on loopback, whose clock is ours."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setattr(provider_module, "_KEYS_AT_ONCE", 0.0)
    with identity_provider.running() as here:
        here.back, here.moment = f"{staff.AUDIENCE}/console/openid/back", lambda: clock.now().timestamp()
        here.add("jan", "pictures", "football")
        here.add("mia", "football")
        yield here


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner, provider: IdentityProvider) -> Iterator[Services]:
    """A house whose staff comes by that provider."""
    secret = tmp_path / "client.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    openid: dict[str, Any] = {
        "issuer": provider.issuer,
        "client_id": CLIENT,
        "secret_file": str(secret),
        "name": "Contoso",
        **_GROUPS,
    }
    openid["limited"] = {"shoot": [support.SHOOT]}
    with support.opened(staff.configuration(tmp_path, openid=openid), clock, examiner) as open_:
        yield open_


def _get(client: FlaskClient, path: str) -> TestResponse:
    return client.get(path, environ_base={"REMOTE_ADDR": staff.address()}, headers={"Accept": "text/html"})


def _come_back(client: FlaskClient, address: str) -> TestResponse:
    """The provider's redirect, followed."""
    return _get(client, address.removeprefix(staff.AUDIENCE))


def _sign_in(app: Flask, provider: IdentityProvider, who: str = "jan") -> tuple[FlaskClient, TestResponse]:
    client, provider.who = app.test_client(), who
    away = _get(client, "/console/openid")
    assert away.status_code == 303, away.text
    return client, _come_back(client, provider.let_in(away.headers["Location"]))


def _is_open(client: FlaskClient) -> bool:
    return _get(client, "/console/").status_code == 200


def test_a_group_opens_the_door(app: Flask, provider: IdentityProvider, services: Services) -> None:
    """Somebody with a group of the configuration is signed in, under the name that the provider gives; the log says
    by which door."""
    client, answer = _sign_in(app, provider)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{staff.AUDIENCE}/console/")
    page = _get(client, "/console/")
    assert page.status_code == 200
    assert "jan, editor" in page.text
    with services.store.read() as conn:
        actors = list(conn.scalars(select(t.audit.c.actor).where(t.audit.c.action == "staff:session:open")))
    assert actors == ["openid:jan"]


def test_no_entry_no_access(app: Flask, provider: IdentityProvider) -> None:
    """Who has no group of the configuration gets a page that says so, and no session."""
    client, answer = _sign_in(app, provider, "mia")
    assert answer.status_code == 403
    assert "no access" in answer.text
    assert not _is_open(client)


def test_an_editor_is_limited_by_the_group(app: Flask, provider: IdentityProvider, services: Services) -> None:
    """The limits of a group of the provider are those of the account; another group without limits lifts them."""
    found = []
    for name, groups in (("one", ["shoot"]), ("two", ["shoot", "pictures"]), ("three", ["shoot", "privacy"])):
        provider.add(name, *groups)
        client, _ = _sign_in(app, provider, name)
        found.append(_get(client, "/console/people/new").status_code)
    assert found == [403, 200, 403]  # limited; an editor of all; an officer


def test_the_door_is_shown(app: Flask) -> None:
    """Without a session the console says where to sign in, by the name of the configuration."""
    page = _get(app.test_client(), "/console/")
    assert page.status_code == 401
    assert "Sign in with Contoso" in page.text
    assert 'href="/console/openid' in page.text


# ---- what opens nothing --------------------------------------------------------------------


def _encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _spell(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(_encode(json.dumps(one).encode()) for one in (header, claims))


def _unsigned(claims: dict[str, Any]) -> str:
    return _spell({"alg": "none"}, claims) + "."


def _with_secret(claims: dict[str, Any], secret: bytes) -> str:
    """Signed by what others know: no library would."""
    said = _spell({"alg": "HS256", "kid": "one"}, claims)
    return f"{said}.{_encode(hmac.new(secret, said.encode(), hashlib.sha256).digest())}"


def _forgeries(provider: IdentityProvider, clock: ManualClock) -> dict[str, Callable[[dict[str, Any]], str]]:
    """Each way to make an ID token that is not the provider's word for us, now, in this browser."""
    mine, other = provider.sign, RSAKey.generate_key(2048, {"kid": "one"})
    now = int(clock.now().timestamp())

    def changed(**change: Any) -> Callable[[dict[str, Any]], str]:
        return lambda claims: mine({k: v for k, v in (claims | change).items() if v is not None})

    def cut(claims: dict[str, Any]) -> str:
        head, body, _ = mine(claims).split(".")
        return f"{head}.{body}."

    def altered(claims: dict[str, Any]) -> str:
        head, _, signature = mine(claims).split(".")
        body = _encode(json.dumps(claims | {"groups": ["chiefs"]}).encode())
        return f"{head}.{body}.{signature}"

    def with_own_key(claims: dict[str, Any]) -> str:
        return mine(claims, other, jwk=other.as_dict(private=False))

    return {
        "no signature": _unsigned,
        "cut off": cut,
        "altered": altered,
        "another's key": lambda claims: mine(claims, other),
        "a key brought along": with_own_key,
        "the public key as a secret": lambda claims: _with_secret(claims, provider.key.as_pem(private=False)),
        "the client's secret": lambda claims: _with_secret(claims, SECRET.encode()),
        "another issuer": changed(iss="https://other.example.org"),
        "no issuer": changed(iss=None),
        "another audience": changed(aud="another"),
        "another audience, our azp": changed(aud="another", azp=CLIENT),
        "two audiences, no azp": changed(aud=[CLIENT, "another"]),
        "two audiences, another azp": changed(aud=[CLIENT, "another"], azp="another"),
        "no audience": changed(aud=None),
        "another nonce": changed(nonce="another"),
        "no nonce": changed(nonce=None),
        "expired": changed(iat=now - 7200, exp=now - 61),
        "no end": changed(exp=None),
        "from the future": changed(iat=now + 3600, exp=now + 7200),
        "not yet": changed(nbf=now + 3600),
        "nobody": changed(sub=None),
        "an empty number": changed(sub=""),
        "somebody else's number": changed(sub="number-of-mia"),
        "no token": lambda claims: "",
        "noise": lambda claims: "a.b.c",
    }


@pytest.mark.promise
def test_a_forged_token_opens_nothing(
    app: Flask, provider: IdentityProvider, clock: ManualClock, promise: Promise
) -> None:
    """An ID token that is unsigned, signed by another or otherwise, for another client, of another issuer, browser or
    time opens no session; between them genuine ones do."""
    statuses: Counter[int] = Counter()
    accepted, genuine, forgeries = [], 0, _forgeries(provider, clock)
    for way, forge in forgeries.items():
        provider.forge = forge
        client, answer = _sign_in(app, provider)
        statuses[answer.status_code] += 1
        assert answer.status_code == 401, way
        accepted += [way] if _is_open(client) else []
        provider.forge = None
        genuine += _is_open(_sign_in(app, provider)[0])
    count = len(forgeries)
    promise("S2", f"forged ID tokens accepted {len(accepted)} of {count}; genuine {genuine} of {count}")
    assert accepted == []
    assert genuine == count
    assert set(statuses) == {401}, dict(statuses)


@pytest.mark.promise
def test_an_answer_works_once_in_its_own_browser(
    app: Flask, provider: IdentityProvider, clock: ManualClock, promise: Promise
) -> None:
    """An answer that was used, comes to another browser, with another state or code, from another provider, too late,
    without its verifier, or with an error opens no session."""
    accepted = [way for way, attack in _ATTACKS.items() if _is_open(attack(app, provider, clock))]
    promise("S2", f"answers replayed, mixed up or moved accepted {len(accepted)} of {len(_ATTACKS)}")
    assert accepted == []


def _begin(app: Flask, provider: IdentityProvider) -> tuple[FlaskClient, str]:
    client, provider.who = app.test_client(), "jan"
    return client, provider.let_in(_get(client, "/console/openid").headers["Location"])


def _used_before(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    client, address = _begin(app, provider)
    cookie = client.get_cookie("facelease_openid")
    assert cookie is not None
    assert _come_back(client, address).status_code == 303
    other = app.test_client()
    other.set_cookie("facelease_openid", cookie.value)
    assert _come_back(other, address).status_code == 401
    return other


def _of_another_browser(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    _, address = _begin(app, provider)
    victim = app.test_client()
    _come_back(victim, address)
    return victim


def _swapped_code(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    """Somebody's own code under the state of another's attempt: the verifier and the nonce do not fit."""
    victim, address = _begin(app, provider)
    _, theirs = _begin(app, provider)
    asked, code = question_of(address), question_of(theirs)["code"]
    _get(victim, f"/console/openid/back?state={asked['state']}&code={code}")
    return victim


def _another_state(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    client, address = _begin(app, provider)
    _get(client, f"/console/openid/back?state=another&code={question_of(address)['code']}")
    return client


def _another_provider(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    client, address = _begin(app, provider)
    _come_back(client, f"{address}&iss=https://other.example.org")
    return client


def _no_issuer_named(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    """The provider says that it names itself in each answer (RFC 9207), and this one does not."""
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    app.extensions["openid"]._metadata = None
    client, address = _begin(app, provider)
    _come_back(client, address)
    provider.metadata = {}
    app.extensions["openid"]._metadata = None
    return client


def _too_late(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    client, address = _begin(app, provider)
    clock.advance(timedelta(minutes=openid_sign_in.ATTEMPT_MINUTES, seconds=1))
    _come_back(client, address)
    return client


def _refused_there(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    client, address = _begin(app, provider)
    _get(client, f"/console/openid/back?state={question_of(address)['state']}&error=access_denied")
    return client


def _another_cookie(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    """An attempt that somebody wrote themselves."""
    client, address = _begin(app, provider)
    client.set_cookie("facelease_openid", base64.urlsafe_b64encode(b'["a","b","c",1,"","/console/"]').decode())
    _come_back(client, address)
    return client


def _two_accounts(app: Flask, provider: IdentityProvider, clock: ManualClock) -> FlaskClient:
    """The token of one account, and what is said of another."""
    client, address = _begin(app, provider)
    (code,) = [provider.codes[question_of(address)["code"]]]
    provider.forge = lambda claims: provider.sign(claims | {"sub": "number-of-somebody"})
    _come_back(client, address)
    provider.forge = None
    assert code.user.sub == "number-of-jan"
    return client


_ATTACKS = {
    "used before": _used_before,
    "of another browser": _of_another_browser,
    "swapped code": _swapped_code,
    "another state": _another_state,
    "another provider": _another_provider,
    "no issuer named": _no_issuer_named,
    "too late": _too_late,
    "refused there": _refused_there,
    "another cookie": _another_cookie,
    "two accounts": _two_accounts,
}


# ---- how a session ends --------------------------------------------------------------------


@pytest.mark.promise
@pytest.mark.parametrize("renews", [True, False])
def test_a_lost_role_ends_the_session(
    app: Flask, provider: IdentityProvider, clock: ManualClock, services: Services, promise: Promise, renews: bool
) -> None:
    """With a renewal and without one: whoever loses their groups, or their account, is out within the minutes of the
    configuration; who has another group has its role."""
    provider.renews = renews
    provider.add("kim", "chiefs")
    client, _ = _sign_in(app, provider)
    other, _ = _sign_in(app, provider, "kim")
    provider.add("jan", "football")
    provider.add("kim", "audit")
    clock.advance(timedelta(minutes=4, seconds=59))
    assert _is_open(client)
    clock.advance(timedelta(seconds=1))
    still = _is_open(client)
    promise("S2", f"sessions alive {int(still)} of 1 after 5 min. without a role")
    assert not still
    assert "kim, auditor" in _get(other, "/console/").text
    provider.accounts.pop("kim")
    clock.advance(timedelta(minutes=5))
    assert not _is_open(other)


def test_the_provider_is_asked_once_for_many_requests(
    app: Flask, provider: IdentityProvider, clock: ManualClock
) -> None:
    """Within the minutes nobody asks; then one request does."""
    client, _ = _sign_in(app, provider)
    before = provider.asked["/userinfo"]
    assert all(_is_open(client) for _ in range(5))
    assert provider.asked["/userinfo"] == before
    clock.advance(timedelta(minutes=6))
    assert all(_is_open(client) for _ in range(5))
    assert provider.asked["/userinfo"] == before + 1


def test_a_provider_that_is_away_shows_nothing(app: Flask, provider: IdentityProvider, clock: ManualClock) -> None:
    """While it does not answer nobody signs in, and who is due to be asked for is shown a clear page; then the session
    goes on."""
    client, _ = _sign_in(app, provider)
    provider.away = True
    clock.advance(timedelta(minutes=5))
    page = _get(client, "/console/people")
    assert page.status_code == 503
    assert "identity provider does not answer" in page.text
    app.extensions["openid"]._metadata = None
    begun = _get(app.test_client(), "/console/openid")
    assert (begun.status_code, begun.mimetype) == (503, "text/html")
    assert begun.headers["Retry-After"]
    provider.away = False
    clock.advance(timedelta(seconds=31))
    assert _is_open(client)


def test_keys_change(app: Flask, provider: IdentityProvider) -> None:
    """After a change of the provider's keys people sign in as before; the former key signs for nobody."""
    _sign_in(app, provider)
    former = provider.key
    provider.rotate()
    assert _is_open(_sign_in(app, provider)[0])
    provider.forge = lambda claims: provider.sign(claims, former)
    assert not _is_open(_sign_in(app, provider)[0])


@pytest.mark.parametrize(("seconds", "opens"), [(-50, True), (50, True), (-600, False), (120, False)])
def test_clocks_differ_a_little(
    app: Flask, provider: IdentityProvider, clock: ManualClock, seconds: int, opens: bool
) -> None:
    """A minute is let pass, either way; more is not."""
    provider.moment = lambda: clock.now().timestamp() + seconds
    assert _is_open(_sign_in(app, provider)[0]) is opens


def test_a_proof_is_a_sign_in_just_now_by_the_same_account(
    app: Flask, provider: IdentityProvider, clock: ManualClock, services: Services
) -> None:
    """A step-up asks the provider for a new sign-in; an old one, or another account's, proves nothing."""
    client, _ = _sign_in(app, provider)
    first, hour = _proved(services), timedelta(minutes=50)
    clock.advance(hour)
    assert _is_open(client)
    away = _get(client, "/console/openid/prove?onward=/console/people").headers["Location"]
    assert question_of(away)["prompt"] == "login"
    provider.who = "mia"
    assert _come_back(client, provider.let_in(away)).status_code == 401
    provider.who = "jan"
    away = _get(client, "/console/openid/prove").headers["Location"]
    old = int(clock.now().timestamp()) - 3600
    provider.forge = lambda claims: provider.sign(claims | {"auth_time": old})
    assert _come_back(client, provider.let_in(away)).status_code == 401
    provider.forge = None
    assert _proved(services) == first
    away = _get(client, "/console/openid/prove?onward=/console/people").headers["Location"]
    answer = _come_back(client, provider.let_in(away))
    assert answer.headers["Location"] == f"{staff.AUDIENCE}/console/people"
    assert _proved(services) == clock.now()
    assert _is_open(client)


def _proved(services: Services) -> Any:
    with services.store.read() as conn:
        return conn.scalar(select(t.session.c.proved_at).where(t.session.c.user == "jan"))


@pytest.mark.parametrize(
    "onward", ["//other.example.org", "https://other.example.org/console/", "/s/x", "/console/\\x"]
)
def test_onward_leads_to_our_pages_alone(app: Flask, provider: IdentityProvider, onward: str) -> None:
    """No address of somebody else stands at the end of a sign-in."""
    client = app.test_client()
    away = client.get("/console/openid", query_string={"onward": onward}, environ_base={"REMOTE_ADDR": staff.address()})
    answer = _come_back(client, provider.let_in(away.headers["Location"]))
    assert answer.headers["Location"] == f"{staff.AUDIENCE}/console/"


def test_tokens_are_sealed(app: Flask, provider: IdentityProvider, services: Services) -> None:
    """What the provider gave us to ask again stands nowhere in the clear, and goes with the session."""
    _sign_in(app, provider)
    with services.store.read() as conn:
        kept = conn.scalar(select(t.session.c.renewal))
    assert kept
    assert not any(one.token in kept or one.refresh in kept for one in provider.held)
