"""Who may call each endpoint of the app, written down apart from the code: a new route needs its line here."""

ADMINISTRATOR, OFFICER, EDITOR, AUDITOR = "administrator", "officer", "editor", "auditor"
NOBODY, SIGNED_OUT = "nobody", "signed out"
ROLES = (ADMINISTRATOR, OFFICER, EDITOR, AUDITOR)

Rule = frozenset[str]
OPEN: Rule = frozenset({*ROLES, NOBODY, SIGNED_OUT})
STAFF: Rule = frozenset(ROLES)
READERS: Rule = frozenset({ADMINISTRATOR, OFFICER, EDITOR})
REVIEWERS: Rule = frozenset({ADMINISTRATOR, EDITOR})
OFFICERS: Rule = frozenset({ADMINISTRATOR, OFFICER})
WATCHERS: Rule = frozenset({ADMINISTRATOR, OFFICER, AUDITOR})
ALONE: Rule = frozenset({ADMINISTRATOR})
NO_SESSION: Rule = frozenset()
"""No session of the staff opens it: it takes a signature, a token, or the link that a person was given."""

_CONSOLE: dict[str, Rule] = {
    "home": STAFF, "sign_out": STAFF,
    "review": READERS, "review_person": READERS, "review_photo": READERS, "review_face": READERS,
    "review_picture": READERS, "review_decide": REVIEWERS, "review_undo": REVIEWERS, "review_small": REVIEWERS,
    "review_names": REVIEWERS,
    "references": READERS, "reference_picture": READERS, "reference_decide": READERS, "references_confirm": READERS,
    "shoot": READERS, "shoot_seen": READERS,
    "people": READERS, "people_export": READERS, "person": READERS, "portrait": READERS, "clearance": READERS,
    "person_new": REVIEWERS, "person_add": REVIEWERS, "person_invite": READERS, "shoot_invite": ALONE,
    "person_name": READERS, "person_birth": READERS, "person_link_close": READERS,
    "person_address": READERS, "person_recognised": READERS, "person_letter": READERS,
    "person_end": OFFICERS, "person_export": OFFICERS, "person_evidence": OFFICERS,
    "invitations": READERS, "invitation_act": READERS, "invitations_list": REVIEWERS, "invitations_send": REVIEWERS,
    "requests": OFFICERS, "request_decide": OFFICERS, "officer": OFFICERS,
    "certificate": OFFICERS, "certificate_find": OFFICERS,
    "names": READERS, "names_decide": REVIEWERS,
    "collections": OFFICERS, "collection": OFFICERS, "collection_progress": OFFICERS, "collection_scan_now": ALONE,
    "collection_set": ALONE,
    "forms": OFFICERS, "form": OFFICERS, "form_sample": OFFICERS, "form_add": ALONE, "form_retire": ALONE,
    "form_write": ALONE, "form_preview": ALONE, "form_changes": OFFICERS,
    "photo": READERS, "photo_picture": READERS, "photo_find": READERS,
    "account": STAFF, "account_sessions": STAFF, "account_password": STAFF, "account_codes": STAFF,
    "staff": ALONE, "staff_add": ALONE, "staff_change": ALONE,
    "sessions": OFFICERS, "session_end": OFFICERS,
    "jobs": ALONE, "jobs_retry": ALONE,
    "log": WATCHERS, "log_verify": WATCHERS, "log_export": WATCHERS,
}  # fmt: skip

_DOORS = (
    "console.sign_in_password", "console.sign_in_again", "console.sign_in_code", "console.sign_in_finish",
    "console.join", "console.join_password", "console.join_finish",
)  # fmt: skip

_SIGNED = (
    "webhooks.receive",
    "panel.show",
    "panel.status",
    "inviting.people",
    "downloads.check",
    "downloads.count",
    "downloads.record",
    "inviting.invite",
    "searches.compare",
    "searches.find",
    "searches.mark",
    "signin.sign_in",
)
_BY_LINK = (
    "sign.open", "sign.form", "sign.photo", "sign.code", "sign.decline", "sign.done", "sign.receipt",
    "sign.calendar", "sign.another", "sign.nothing",
    "me.page", "me.photos", "me.picture", "me.not_me", "me.stop", "me.object", "me.forget", "me.anew", "me.export",
    "me.reference", "me.receipt", "me.child", "me.close_way",
    "key.page", "key.stop", "key.receipt",
)  # fmt: skip
_BY_TOKEN = (
    "api_people.people_list", "api_people.person_show", "api_people.person_add", "api_people.guardian_add",
    "api_people.person_object", "api_people.person_export", "api_people.person_age", "api_quitclaims.quitclaims_list",
    "api_quitclaims.quitclaim_record", "api_quitclaims.quitclaim_withdraw", "api_quitclaims.quitclaim_restrict",
    "api_clearance.clearance_show", "api_clearance.clearance_batch", "api_clearance.clearance_list",
    "api_gate.gate_ask", "api_collections.collections_list", "api_collections.collection_set",
    "api_collections.collection_history",
    "api_faces.faces_list", "api_faces.face_confirm", "api_faces.face_reject", "api_faces.face_dismiss",
    "api_faces.faces_dismiss_small",
    "api_faces.face_undo", "api_erasures.person_erase", "api_audit.audit_list", "api_audit.audit_proof",
    "api_forms.forms_list", "api_forms.form_show", "api_forms.form_add", "api_forms.form_retire",
    "api_invitations.invitations_list", "api_invitations.invitation_make",
    "api_invitations.invitation_revoke", "api_invitations.invitation_hand_over", "api_erasures.erasures_list",
    "api_erasures.erasure_decide", "api_erasures.certificate_read",
)  # fmt: skip
_FOR_ALL = (
    "front",
    "health",
    "ready",
    "show_metrics",
    "static",
    "describe",
    "me.leave",
    "key.leave",
    "sign.lost",
    "sign.leave",
)

RULES: dict[str, Rule] = {
    **dict.fromkeys(_FOR_ALL, OPEN),
    **dict.fromkeys((*_SIGNED, *_BY_LINK, *_BY_TOKEN), NO_SESSION),
    **{f"console.{name}": rule for name, rule in _CONSOLE.items()},
    **dict.fromkeys(_DOORS, OPEN),
}


def let_in(endpoint: str, status: int) -> bool:
    """Whether an answer with this status let whoever asked in: behind a link, what is not theirs is not there."""
    return status not in ((401, 403, 404) if endpoint in _BY_LINK else (401, 403))
