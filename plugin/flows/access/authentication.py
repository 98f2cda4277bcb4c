"""Who a browser is, at each request: the session that its token opens, and what its door says of the account now."""

from plugin.flows.access import openid_sign_in, staff_sessions
from plugin.flows.access.own_accounts import register
from plugin.flows.access.own_accounts import sign_in as own_sign_in
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common.services import Services
from plugin.hooks.openid.provider import Provider


def authenticate(services: Services, provider: Provider | None, token: str) -> Staff | None:
    """The account, with the role that it has now; None where the session ended, or ends because there is none.

    Raises DamError or ProviderAway where that cannot be asked: the session stays, and nothing is shown.
    """
    staff = staff_sessions.find(services, token)
    if staff is None:
        return None
    if staff.door == openid_sign_in.DOOR:
        return openid_sign_in.recheck(services, provider, staff)
    if staff.door == register.DOOR:
        return own_sign_in.recheck(services, staff)
    return staff_sessions.recheck(services, staff)
