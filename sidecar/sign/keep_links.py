"""The key on the last page, to be kept: as a QR code, and as an entry of a calendar on the day after the last one."""

from datetime import date, datetime, timedelta

import segno
from markupsafe import Markup

from plugin.clock import format_calendar_day, format_calendar_moment

_LINE_OCTETS = 75  # RFC 5545, 3.1


def draw_code(address: str) -> Markup:
    """The address as an SVG."""
    code = segno.make(address, error="m").svg_inline(border=4, svgclass="qr", lineclass=None, omitsize=True)
    return Markup(code)  # noqa: S704 - made by segno


def make_calendar(number: str, last_day: date, title: str, text: str, address: str, now: datetime) -> bytes:
    """An iCalendar file (RFC 5545) with one entry of a whole day; `number` makes its UID."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//FaceLease//EN",
        "BEGIN:VEVENT",
        f"UID:{number}@facelease",
        f"DTSTAMP:{format_calendar_moment(now)}",
        f"DTSTART;VALUE=DATE:{format_calendar_day(last_day)}",
        f"DTEND;VALUE=DATE:{format_calendar_day(last_day + timedelta(days=1))}",
        f"SUMMARY:{_escape(title)}",
        f"DESCRIPTION:{_escape(text)}",
        f"URL:{address}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_fold(line)}\r\n" for line in lines).encode()


def _escape(text: str) -> str:
    """TEXT of RFC 5545, 3.3.11; what is no character of a line becomes a space."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _fold(line: str) -> str:
    """Lines of at most 75 octets, none cut inside a character."""
    folded, size = "", 0
    for one in line:
        size += len(one.encode())
        if size > _LINE_OCTETS:
            folded, size = f"{folded}\r\n ", 1 + len(one.encode())
        folded += one
    return folded
