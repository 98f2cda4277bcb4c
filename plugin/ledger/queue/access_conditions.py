"""Conditions for valid links and API tokens."""

from datetime import datetime

from sqlalchemy import ColumnElement, or_

from plugin.ledger import tables as t


def is_open_link(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Not revoked, not expired, and not used up."""
    link = t.invitation.c
    left = or_(link.most_uses.is_(None), link.uses < link.most_uses)
    return link.revoked_at.is_(None), link.expires_at > now, left


def is_open_token(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Not revoked, and not expired."""
    token = t.api_token.c
    return token.revoked_at.is_(None), or_(token.expires_at.is_(None), token.expires_at > now)
