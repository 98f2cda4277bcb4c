"""G2: what goes out is judged by the file that is sent, whoever asks and however it is spelled; each delivery that was
asked about has one row in the log, and outsiders learn nothing. On the stand-in; tests/live has the real one."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from time import monotonic, time
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from werkzeug.serving import make_server

from plugin.clock import SystemClock
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from tests import on_double, support
from tests.doubles.resourcespace import Double
from tests.download_host import CANARY, SHARE, DownloadHost, Sent
from tests.program import photograph
from tests.sender import SECRET, secret_file

ASA = "Åsa Sample"
_SMALL = {"col", "thm", "pre", "scr", "snapshot"}
_CLEARED = {1: {"website"}, 2: set[str](), 3: set[str]()}
_CHANNELS = {"0": (["press"], "warn"), "2": (["website"], "refuse")}
_STRICTEST = (["website", "press"], "refuse")
_ROLES = ("admin", "editor", "general", "share", "api", "facelease")
_SIZES = (
    "",
    "hpr",
    "lpr",
    "scr",
    "pre",
    "thm",
    "col",
    ".",
    "/",
    "./",
    "lpr.",
    "\u200b",
    "s/c/r",
    "scr_alt_5",
    "_alt_5",
    "scr_2",
    "lpr_2",
    "tile_1_0_0_512_512",
    "snapshot",
    "videojs",
    "LPR",
    "thm_wm",
    "lpr_wm",
)
_MORE: tuple[tuple[str, float, list[object]], ...] = (
    ("noattach", 0.5, ["1", "true", "false"]),
    ("alternative", 0.3, [5, "5", "-1", "5e0"]),
    ("page", 0.2, [2, "2", 1]),
    ("watermarked", 0.2, [1]),
    ("snapshot_frame", 0.15, [2]),
    ("pagename", 0.3, ["login", "x", "download", "all", "collection_download"]),
)


@pytest.fixture
def services(tmp_path: Path, double: Double, examiner: Examiner) -> Iterator[Services]:
    """1 shows Åsa, cleared for the website; 2 and 3 nobody has examined. By the machine's clock: PHP signs by it."""
    webhooks = {"panel_secret_file": secret_file(tmp_path / "panel.secret", SECRET)}
    config = on_double.configuration(tmp_path, double, webhooks=webhooks)
    with support.opened(config, SystemClock(), examiner) as house:
        cast = support.Cast(house)
        calendar.poll_dam(house)  # from here on the log is followed
        double.library.create(1)
        calendar.poll_dam(house)
        cast.work()
        asa = cast.add(ASA)
        cast.sign(asa, recognition=False)
        on_double.tag(house, asa, ASA)
        for _ in range(2):
            double.library.create(1)
        calendar.poll_dam(house)
        cast.work()
        yield house


@pytest.fixture
def sidecar(services: Services) -> Iterator[str]:
    """Where FaceLease answers."""
    server = make_server("127.0.0.1", 0, create_app(services.config, services), threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def host(tmp_path: Path, sidecar: str) -> Iterator[DownloadHost]:
    with DownloadHost(tmp_path / "host", sidecar, SECRET) as served:
        yield served
        assert served.errors() == ""


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[DownloadHost]:
    """The same without our plugin: what the DAM itself sends."""
    with DownloadHost(tmp_path / "bare", plugin=False) as served:
        yield served


@dataclass(frozen=True)
class Asked:
    """One way to ask for a file."""

    role: str
    params: dict[str, object]
    cookies: tuple[str, ...] = ()

    def of(self, host: DownloadHost) -> Sent:
        user = {"share": "", "api": ""}.get(self.role, self.role)
        params = dict(self.params)
        if self.role == "share":
            params["k"] = SHARE
        if self.role == "api":
            ref, size = int(str(params["ref"])), str(params.get("size", "")).strip()
            params["access_key"] = host.api_address("general", ref, size)
        return host.get("pages/download.php", params, user, self.cookies)


def spellings(count: int, seed: int) -> Iterator[Asked]:
    """So many of all the ways, at random."""
    dice = random.Random(seed)
    for _ in range(count):
        role, ref = dice.choice(_ROLES), dice.choice([1, 1, 2, 3])
        params: dict[str, object] = {
            "ref": ref,
            "size": dice.choice(_SIZES),
            "usage": dice.choice(["0", "2", "2", "2", "3", "-1", "x", "99"]),
            "ext": dice.choice(["jpg", "jpg", "tif", "", "j/p/g", "TIF"]),
        }
        params |= {name: dice.choice(values) for name, often, values in _MORE if dice.random() < often}
        way = dice.random()
        if way < 0.1 and role not in ("share", "api"):
            made = [{"userfile": f"{ref}_crop.jpg"}, {"userfile": f"{ref}_Col.zip", "filename": "Col_1"}]
            params = {**dice.choice(made), "usage": params["usage"]}
        elif way > 0.95:
            params, role = {"slideshow": dice.choice([1, 2])}, "share" if role == "api" else role
        cookies = (f"usage={params.pop('usage')}",) if dice.random() < 0.1 and "usage" in params else ()
        yield Asked(role, params, cookies)


def expected(asked: Asked, what: tuple[int, str, str]) -> str:
    """Not asked about, delivered or stopped: by the file and the rules, not by the plugin's code."""
    ref, kind, size = what
    shown = ("noattach" in asked.params and "userfile" not in asked.params) or "slideshow" in asked.params
    if kind == "design" or (shown and size in _SMALL and kind in ("main", "page")):
        return "exempt"
    if asked.role == "facelease" and "slideshow" not in asked.params:  # nobody is signed in where slides are shown
        return "exempt"
    channels = _asked_channels(asked, kind)[0]
    return "delivered" if kind == "main" and _CLEARED[ref] >= set(channels) else "stopped"


def _asked_channels(asked: Asked, kind: str) -> tuple[list[str], str]:
    usage = dict(pair.split("=") for pair in asked.cookies).get("usage", str(asked.params.get("usage", "-1")))
    return _STRICTEST if kind == "untied" else _CHANNELS.get(usage, _STRICTEST)


def rows(services: Services) -> list[Any]:
    with services.store.read() as conn:
        found = conn.execute(select(t.audit).where(t.audit.c.action == "gate:delivery:note").order_by(t.audit.c.seq))
        return [json.loads(row.details) | {"actor": row.actor, "resource_id": row.resource_id} for row in found]


def test_what_is_sent_is_judged_however_it_is_asked_for(
    host: DownloadHost, bare: DownloadHost, services: Services, full: bool, promise: Callable[[str, str], None]
) -> None:
    """Refused files delivered 0, allowed ones stopped 0, deliveries without a row 0, rows that say otherwise 0."""
    count = {"asked": 0, "exempt": 0, "delivered": 0, "stopped": 0, "nothing": 0}
    out = in_ = outsiders = 0
    told: list[tuple[str, int, str, str]] = []
    for asked in spellings(3000 if full else 600, 7):
        plain = asked.of(bare)
        what = bare.files.get(plain.body)
        got = asked.of(host)
        if what is None:
            count["nothing"] += 1
            assert got.body not in host.files, asked
            continue
        count["asked"] += 1
        want = expected(asked, what)
        count[want] += 1
        came = got.body == plain.body
        out += came and want == "stopped"
        in_ += (not came) and want != "stopped"
        if want != "exempt":
            outside = asked.role == "share" or "slideshow" in asked.params
            told.append((want, what[0], ", ".join(_asked_channels(asked, what[1])[0]), "share" if outside else "dam"))
        if want == "stopped" and asked.role == "share":
            page = host.follow(got) if got.location else got
            outsiders += _tells(page.text)
    host.cron()
    logged = rows(services)
    assert host.kept().get("deliveries") in ([], {})
    otherwise = sum(not _same(row, one) for row, one in zip(logged, told, strict=True))
    free, allowed = count["exempt"], count["delivered"] + count["exempt"]
    figures = (
        f"stand-in: ways to ask {count['asked'] + count['nothing']}, files {count['asked']} (exempt {free}),"
        f" refused files delivered {out} of {count['stopped']}, allowed ones stopped {in_} of {allowed},"
        f" deliveries without a row {len(told) - len(logged)} of {len(told)}, rows that say otherwise {otherwise},"
        f" outsiders' pages with name or state {outsiders}"
    )
    promise("G2", figures)
    assert (out, in_, len(logged), otherwise, outsiders) == (0, 0, len(told), 0, 0), figures
    assert count["delivered"] > 10
    assert count["stopped"] > 100


def _same(row: Any, one: tuple[str, int, str, str]) -> bool:
    happened, ref, channels, actor = one
    named = {"delivered": row["resources"], "stopped": row["resources_left_out"]}[happened]
    known = row["resource_id"] is not None or ref == 0
    return (row["happened"], named, row["channels"], known) == (happened, str(ref or ""), channels, True) and row[
        "actor"
    ].startswith(actor)


def _tells(text: str) -> bool:
    """A name, or what is known of somebody's consent."""
    return any(word in text for word in (ASA, "Åsa", "agree", "known", "website", "press", "FaceLease", "examined"))


def test_who_insists_does_so_by_the_form_and_once(host: DownloadHost, services: Services) -> None:
    """No address insists, nor a form without its token, under another page's name too, nor somebody outside."""
    asked = {"ref": 1, "size": "lpr", "ext": "jpg", "usage": "0"}
    form = {**asked, "facelease_insist": "1"}
    stopped = host.get("pages/download.php", asked, "editor")
    page = host.follow(stopped, "editor").text
    assert 'method="post"' in page
    assert "facelease_insist=1" not in page
    token = {"CSRFToken": "token-editor"}
    login = {"pagename": "login"}
    for params, user, post in (
        (form, "editor", None),
        (login, "editor", form),
        (login, "editor", {**form, "CSRFToken": "token-x"}),
        (login, "", {**form, **token, "k": SHARE}),
        (login, "", {**form, "CSRFToken": "token-", "k": SHARE}),
    ):
        assert host.get("pages/download.php", params, user, post=post).body not in host.files, (params, post)
    got = host.get("pages/download.php", None, "editor", post={**form, **token})
    assert host.files[got.body] == (1, "main", "lpr")
    refused = host.get("pages/download.php", None, "editor", post={**form, **token, "usage": "2", "ref": 2})
    assert refused.body not in host.files
    host.cron()
    assert [row["happened"] for row in rows(services)] == ["stopped"] * 6 + ["insisted", "stopped"]


def test_those_who_are_stopped_learn_what_they_may(host: DownloadHost) -> None:
    """An editor reasons, an account a state and whom to ask, nobody what they may not see; an outsider one line."""
    host.store["photos"]["3"]["access"] = 2
    host.store["settings"]["facelease_ask"] = "Officer Sample"
    host.save()
    about = {"ref": 2, "size": "lpr", "usage": "2"}
    general = host.follow(host.get("pages/download.php", about, "general"), "general").text
    assert "It is not known whether everybody in it agrees" in general
    assert "Officer Sample" in general
    named = host.get("plugins/facelease/pages/stopped.php", {"ref": 1, "usage": "0"}, "general").text
    assert ASA not in named
    assert ASA in host.get("plugins/facelease/pages/stopped.php", {"ref": 1, "usage": "0"}, "editor").text
    hidden = host.get("plugins/facelease/pages/stopped.php", {"ref": 3, "usage": "2"}, "general")
    assert (hidden.status, hidden.text) == (403, "Permission denied")
    outside = {
        host.get("plugins/facelease/pages/stopped.php", {"ref": ref, "usage": usage, "k": SHARE}).text
        for ref in (1, 2)
        for usage in ("0", "2", "3")
    }
    assert len(outside) == 1
    assert not _tells(next(iter(outside)))
    assert "Ask whoever sent you this address" in next(iter(outside))


def test_a_key_that_nobody_gave_hides_nobody(host: DownloadHost, services: Services) -> None:
    """Whoever signed in stands in the log under their own name, whatever else they write into the address."""
    about = {"ref": 1, "size": "lpr", "usage": "2"}
    asked: tuple[tuple[dict[str, object], str, str], ...] = (
        ({**about, "k": "made-up"}, "general", "dam:general"),
        ({**about, "access_key": host.api_address("general", 1, "lpr"), "k": "made-up"}, "", "dam:general"),
        ({**about, "k": SHARE}, "", "share"),
    )
    for params, user, _ in asked:
        assert host.files[host.get("pages/download.php", params, user).body] == (1, "main", "lpr")
    host.cron()
    assert [row["actor"] for row in rows(services)] == [actor for _, _, actor in asked]


def test_the_account_of_everybody_is_somebody_outside(host: DownloadHost, services: Services) -> None:
    """Where the DAM lets in who does not sign in: no state, no insisting, and a warning is a refusal."""
    host.store["settings"]["anonymous_login"] = "general"
    host.save()
    stopped = host.get("pages/download.php", {"ref": 1, "size": "lpr", "usage": "0"})
    shown = host.follow(stopped).text
    assert not _tells(shown)
    assert "facelease_insist" not in shown
    form = {"ref": 1, "size": "lpr", "ext": "jpg", "usage": "0", "facelease_insist": "1", "CSRFToken": "token-"}
    assert host.get("pages/download.php", None, post=form).body not in host.files
    host.cron()
    assert [(row["happened"], row["actor"]) for row in rows(services)] == [("stopped", "share")] * 2


def test_without_curl_the_dates_decide(tmp_path: Path, sidecar: str) -> None:
    """A PHP without it asks nobody: no page breaks, and the canary is not known."""
    with DownloadHost(tmp_path / "bare-php", sidecar, SECRET, without="curl_init") as host:
        host.store["photos"]["2"]["lease"] = "2999-01-01"
        host.save()
        about = {"size": "lpr", "usage": "2"}
        assert host.files[host.get("pages/download.php", {**about, "ref": 2}, "editor").body] == (2, "main", "lpr")
        stopped = host.get("pages/download.php", {**about, "ref": 1}, "editor")
        assert "did not answer" in host.follow(stopped, "editor").text
        said = host.cron()
        assert (said["canary"], said["waiting"]) == ("unclear", 2)
        assert host.errors() == ""


@pytest.mark.parametrize("part", ["include/whole.php", "include/all.php", "include/gate.php", "include/panel.php"])
def test_no_file_goes_by_half_a_copy(host: DownloadHost, part: str) -> None:
    """While the plugin is copied: no spelling delivers what would be judged, and our own pages say what is wrong."""
    (host.root / "plugins" / "facelease" / part).unlink()
    about: dict[str, object] = {"ref": 2, "size": "scr", "usage": "2"}
    other = {"alternative": 5}
    for more in ({"size": "lpr"}, other, {**other, "noattach": 1}, {"userfile": "2_crop.jpg"}, {"slideshow": 2}):
        sent = host.get("pages/download.php", {**about, **more}, "editor")
        assert (sent.status, sent.body in host.files) == (503, False), more
    if part not in ("include/whole.php", "include/all.php"):
        for page in ("stopped", "downloads"):
            assert "not whole" in host.get(f"plugins/facelease/pages/{page}.php", {"ref": 2}, "editor").text


@pytest.mark.parametrize(
    ("usage", "user", "refs", "sends"),
    [("0", "editor", [1, 2, 3], True), ("2", "editor", [1], True), ("2", "", [1], True), ("0", "", None, False)],
)
def test_no_archive_holds_what_nobody_examined(
    host: DownloadHost, usage: str, user: str, refs: list[int] | None, sends: bool
) -> None:
    """Alternatives stay out of it whatever the rule, and no job makes it later; a warning holds back for a share."""
    form = {"collection": "1", "usage": usage, "submitted": "true", "include_alternatives": "yes"}
    form |= {"CSRFToken": f"token-{user}"} | ({} if user else {"k": SHARE})
    sent = host.get("pages/collection_download.php", None, user, post=form)
    if refs is None:
        assert "stopped.php" in sent.location
        return
    assert json.loads(sent.body) == {"refs": refs, "alternatives": False, "job": False, "sends": sends}


def test_silence_leaves_the_lease_and_reaches_the_log(host: DownloadHost, services: Services) -> None:
    """While FaceLease is away the dates decide; what happened is told when it answers again, once."""
    away = host.store["settings"]["facelease_sidecar_url"]
    host.store["settings"]["facelease_sidecar_url"] = "http://127.0.0.1:9"
    host.store["photos"]["2"]["lease"] = "2999-01-01"
    host.save()
    for ref in (1, 2):
        host.get("pages/download.php", {"ref": ref, "size": "lpr", "usage": "2"}, "editor")
    assert host.cron()["waiting"] == 2
    assert rows(services) == []
    host.store = host.kept() | {"settings": host.store["settings"] | {"facelease_sidecar_url": away}}
    waiting = host.store["deliveries"]
    host.save()
    assert host.cron()["waiting"] == 2  # nobody asks again before the pause is over
    host.store["state"]["ask_until"] = "0"
    host.save()
    assert host.cron()["waiting"] == 0
    host.store["deliveries"] = waiting  # the answer was not heard: they are told again
    host.save()
    assert host.cron()["waiting"] == 0
    assert [(row["said"], row["happened"], row["photographs"]) for row in rows(services)] == [
        ("silent-refused", "stopped", 0),
        ("silent-open", "delivered", 1),
    ]


@pytest.mark.parametrize("hook", ["modifydownloadfile", "renamed"])
def test_the_canary_sees_a_host_that_passes_the_gate_by(host: DownloadHost, hook: str) -> None:
    """Renamed, the hook is missed, and the file that must be stopped is delivered to the plugin itself."""
    page = host.root / "pages" / "download.php"
    page.write_text(page.read_text().replace("modifydownloadfile", hook))
    said = host.cron()
    lacks = "hook modifydownloadfile (pages/download.php)" in said["lacks"]
    assert (said["canary"], lacks, said["tried"]) == (
        ("stopped", False, False) if hook != "renamed" else ("passed", True, False)
    )
    assert host.get("pages/download.php", {"slideshow": CANARY}).status == (403 if hook != "renamed" else 200)


def test_in_a_pause_the_dates_decide_at_once(host: DownloadHost, services: Services) -> None:
    """While nobody asks a sick FaceLease a file is still judged, and nobody waits for it."""
    host.store["photos"]["2"]["lease"] = "2999-01-01"
    host.store["photos"]["3"]["lease"] = "2020-01-01"
    host.store["state"] = {"ask_failures": "2", "ask_until": str(time() + 600)}
    host.save()
    start = monotonic()
    for ref, goes in ((1, False), (2, True), (3, False)):
        sent = host.get("pages/download.php", {"ref": ref, "size": "lpr", "usage": "2"}, "editor")
        assert (host.files.get(sent.body) == (ref, "main", "lpr")) is goes
    assert monotonic() - start < 3  # seconds, for three; one that waits takes two
    host.store = host.kept() | {"state": {}}
    host.save()
    host.cron()
    assert [row["said"] for row in rows(services)] == ["silent-refused", "silent-open", "silent-refused"]


def test_a_clock_that_was_set_back_makes_no_long_pause(host: DownloadHost, services: Services) -> None:
    """A pause that began when the clock was a day ahead is over."""
    host.store["state"] = {"ask_failures": "1", "ask_until": str(time() + 86400)}
    host.save()
    sent = host.get("pages/download.php", {"ref": 1, "size": "lpr", "usage": "2"}, "editor")
    assert host.files[sent.body] == (1, "main", "lpr")
    host.cron()
    assert [row["said"] for row in rows(services)] == ["open"]


def test_rules_that_the_host_no_longer_asks_about_are_told(host: DownloadHost) -> None:
    """Whoever switches the question off, switches the gate off: that is said, and not that nobody wanted one."""
    assert (host.cron()["on"], host.cron()["open"]) == (True, [])
    host.store["settings"]["download_usage"] = False
    host.save()
    said = host.cron()
    assert (said["on"], said["open"]) == (True, ["$download_usage = false"])
    assert b"\xff\xd8" in host.get("pages/download.php", {"ref": 2, "size": "lpr", "usage": "2"}, "editor").body


def test_a_host_that_does_not_reach_itself_is_no_yes(host: DownloadHost) -> None:
    """Nor is a page that somebody else answers with."""
    host.store["settings"]["facelease_own_url"] = "http://127.0.0.1:9"
    host.save()
    assert host.cron()["canary"] == "unclear"
    host.store["settings"]["facelease_own_url"] = f"{host.url}/elsewhere"
    host.save()
    assert host.cron()["canary"] == "unclear"


@pytest.fixture
def crowd(tmp_path: Path, examiner: Examiner) -> Iterator[Services]:
    """1 shows Åsa, cleared for the website, before people who can be recognised from 3,840 px on; it shows 1,200."""
    webhooks = {"panel_secret_file": secret_file(tmp_path / "panel.secret", SECRET)}
    config = support.configuration(tmp_path / "house", webhooks=webhooks, clearance={"max_px": {"website": 1200}})
    with support.opened(config, SystemClock(), examiner) as house:
        cast = support.Cast(house)
        asa = cast.add(ASA)
        cast.sign(asa)
        number = photograph(house, "1", asa)
        with house.store.write() as tx:
            tx.execute(update(t.resource).values(longest_px=12_000))
            tx.execute(update(t.face).values(file_px=2000))
            box = {"left": 0.7, "top": 0.2, "width": 0.02, "height": 0.03, "width_px": 17, "file_px": 200}
            stranger = {"resource_id": number, "file_version": "v", "state": "unmatched", "created_at": tx.now}
            tx.execute(insert(t.face).values(**box, **stranger))
        yield house


def test_a_channel_that_states_a_size_lets_copies_out_by_theirs(
    tmp_path: Path, crowd: Services, promise: Callable[[str, str], None]
) -> None:
    """A copy of the whole picture is judged by its own size; the file itself, a tile, a crop, a frame as the original.

    While FaceLease is silent the dates hold for copies up to the size that it stated last.
    """
    server = make_server("127.0.0.1", 0, create_app(crowd.config, crowd), threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    small, large = {"col", "thm", "pre", "scr"}, {"lpr"}
    asked = [
        replace(one, params={**one.params, "ref": 1, "usage": "2", "ext": one.params.get("ext", "jpg")}, cookies=())
        for one in spellings(400, 11)
        if one.role != "facelease" and not {"slideshow", "filename"} & one.params.keys()
    ]
    asked += [Asked("editor", {"ref": 1, "usage": "2", "size": size, "ext": "jpg"}) for size in (*small, *large, "hpr")]
    asked += [Asked("editor", {"ref": 1, "usage": "2", "size": "", "ext": ext}) for ext in ("tif", "jpg")]
    asked += [Asked(role, {"userfile": "1_crop.jpg", "usage": "2", "ref": 1}) for role in ("editor", "general")]
    with (
        DownloadHost(tmp_path / "host", f"http://127.0.0.1:{server.server_port}", SECRET) as host,
        DownloadHost(tmp_path / "bare-host", plugin=False) as bare,
    ):
        for one in (host, bare):
            for marked in (False, True):
                one._picture(one.path(1, "hpr", marked=marked), (4000, 2667), (1, "main", "hpr"))
                one._picture(one.path(1, "scr", marked=marked), (1100, 733), (1, "main", "scr"))
            one.store["photos"]["1"]["lease"] = "2999-01-01"
            one.save()

        def go(may: set[str]) -> tuple[int, int, int, int]:
            wrong = [0, 0, 0, 0]
            for one in asked:
                plain = one.of(bare)
                what = bare.files.get(plain.body)
                if what is None or what[1] == "design":
                    continue
                came = one.of(host).body == plain.body
                right = (
                    what[1] in ("main", "page") and what[2] in may and (what[1] == "main" or "noattach" in one.params)
                )
                shown = "noattach" in one.params and what[2] in _SMALL and what[1] in ("main", "page")
                right = right or shown
                wrong[0] += came and not right
                wrong[1] += not right
                wrong[2] += right and not came
                wrong[3] += right
            return wrong[0], wrong[1], wrong[2], wrong[3]

        answered = go(small | large)
        server.shutdown()
        thread.join()
        server.server_close()
        silent = go(small)
        assert host.errors() == ""
    out, stopped = answered[0] + silent[0], answered[1] + silent[1]
    in_, allowed = answered[2] + silent[2], answered[3] + silent[3]
    promise("G2", f"sizes: refused files delivered {out} of {stopped}, allowed copies stopped {in_} of {allowed}")
    assert (out, in_) == (0, 0), (answered, silent)
    assert min(answered[1], answered[3], silent[1], silent[3]) > 20
