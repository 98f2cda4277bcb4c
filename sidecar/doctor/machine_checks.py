"""What the doctor finds on the machine itself: files that others can read, programs, weights, the mail server."""

import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from plugin.config import Config
from plugin.confinement.reader import Reader
from plugin.errors import FaceLeaseError, MailError
from plugin.flows.mail.smtp import MailServer
from plugin.recognizer.engines import registry
from plugin.recognizer.process.worker import Worker
from sidecar.doctor.finding import Finding
from sidecar.running import bootstrap

SIGNED_PURPOSES = ("events", "panel")
"""The endpoints for the DAM that have a secret and a line of their own."""

_CONFINED = "parsers hold no keys"
_UNCONFINED = (
    "Landlock: a kernel of 5.13 or later with lsm=landlock; seccomp: sudo apt install libseccomp2; in a container both "
    "must be allowed by its own filter"
)
_SECONDS = 20  # for a program to say which version it is


def check_permissions(config: Config) -> Iterator[Finding]:
    """Only this account may read the data folder, the keys, the secrets and the logs."""
    for path in dict.fromkeys(config.private):
        what = f"permissions of {path.name}"
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            yield Finding(what, True, f"{path} is not there", looked=False)
            continue
        except OSError as error:
            yield Finding(what, False, f"{path}: {error.strerror}", "let the account of FaceLease reach it")
            continue
        wide = mode & 0o077
        yield Finding(what, not wide, oct(mode), f"chmod u=rwX,go= {path}" if wide else "")


_SCRIPTS = {"ar": "Arabic", "he": "Hebrew", "hi": "Devanagari", "zh-cn": "Chinese", "ja": "Japanese", "ko": "Korean"}
_SCRIPTS |= {"th": "Thai", "el": "Greek", "ru": "Cyrillic"}


def check_fonts() -> Finding:
    """In which scripts a name on a receipt (PDF) would be boxes, because no font here has them."""
    what, found = "fonts of receipts", shutil.which("fc-list")
    if found is None:
        return Finding(what, True, "fc-list is not there to ask (sudo apt install fontconfig)", looked=False)
    missing = [name for code, name in _SCRIPTS.items() if not _list_fonts(found, code)]
    if not missing:
        return Finding(what, True, f"there is a font for {', '.join(_SCRIPTS.values())}")
    mend = "sudo apt install fonts-noto-core fonts-noto-cjk"
    return Finding(
        what, True, f"none for {', '.join(missing)}: names in them are boxes in a PDF ({mend})", looked=False
    )


def _list_fonts(program: str, language: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the program that was found, and a language of ours
            [program, f":lang={language}", "family"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def check_exiftool() -> Finding:
    """Run ExifTool for its version: that it is installed does not prove that it starts."""
    mend = "sudo apt install libimage-exiftool-perl"
    found = shutil.which("exiftool")
    if found is None:
        said = "not found: names go into EXIF keywords alone, and no XMP is read or written"
        return Finding("exiftool", False, said, mend)
    try:
        done = subprocess.run(  # noqa: S603 - the program that is found is the one that names are written with
            [found, "-ver"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("exiftool", False, f"{found} does not start ({type(error).__name__})", mend)
    version = done.stdout.strip()
    well = done.returncode == 0 and version.replace(".", "").isdigit()
    said = f"{found} says that it is {version}" if well else f"{found} does not say its version"
    return Finding("exiftool", well, said, mend)


def check_weights(config: Config) -> Finding:
    """Load the weights of the engine that serves, as for a photograph, in a worker process."""
    config = bootstrap.resolve_models(config)
    serving = bootstrap.find_serving(config)
    recognizer = registry.pin(config.recognizer) if serving is None else serving.configure(config.recognizer)
    expected = registry.engine_id(recognizer) if serving is None else serving.id
    child = Worker(recognizer, config.matching, Path(recognizer.cache), engine=expected)
    try:
        child.start()
    finally:
        child.stop()
    return Finding("weights", True, f"{expected}, loaded")


def check_confinement() -> Finding:
    """Start a confined process, which reports the restrictions that the kernel lacks."""
    reading = Reader("plugin.flows.signing.drawing")
    try:
        held = reading.start()
    except FaceLeaseError as error:
        return Finding(_CONFINED, False, f"a confined process does not start ({error})", "see the log of the kernel")
    finally:
        reading.stop()
    if held.lacking:
        said = f"what reads files of others runs without: {', '.join(held.lacking)}; the rest holds"
        return Finding(_CONFINED, True, said, _UNCONFINED, waits=True)
    return Finding(_CONFINED, True, f"Landlock (version {held.landlock}), seccomp, limits, no environment of ours")


def check_mail_server(config: Config) -> Finding:
    """Connect, encrypt and sign in; send nothing."""
    mail, what = config.mail, "mail server"
    if not mail.host:
        said = "off: mail.host is empty, so links are handed over by hand"
        return Finding(what, True, said, looked=False)
    if not config.server.public_url:
        return Finding(what, False, "letters cannot bear a link", "set server.public_url to the address people reach")
    try:
        said = MailServer.from_config(config).check()
    except MailError as error:
        return Finding(what, False, str(error), "correct [mail]; `facelease mail test ADDRESS` tries it")
    return Finding(what, True, said if mail.owner else f"{said}; mail.owner is empty: no alerts to the owner")
