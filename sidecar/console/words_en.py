"""The staff's pages in English. `%s` and `%d` are filled in by the page."""

ENGLISH = {
    "lang": "en",
    "months": "January February March April May June July August September October November December",
    # ---- the frame
    "skip": "Skip to the page",
    "menu": "Main menu",
    "sign_out": "Sign out",
    "undo": "Undo",
    "back": "Back to the start",
    "to_dam": "Go to the DAM",
    "next_page": "Next page",
    "first_page": "Back to the first page",
    "search": "Search",
    "search_name": "Part of the name",
    "yes": "yes",
    "no": "no",
    "save": "Save",
    "role_administrator": "administrator",
    "role_officer": "data protection officer",
    "role_editor": "editor",
    "role_auditor": "auditor",
    "menu_home": "Start",
    "menu_review": "Review",
    "menu_people": "People",
    "menu_collections": "Collections",
    "menu_requests": "Requests",
    "menu_forms": "Forms",
    "menu_clearance": "Clearance",
    "menu_log": "Log",
    # ---- signing in, and what went wrong
    "signin_refused": "You are not signed in",
    "signin_refused_text": (
        "A sign-in works once, for a minute. Go back to the DAM and open FaceLease there once more. If "
        "that does not help, tell your administrator: the secret, the address or a clock may be wrong."
    ),
    "signin_no_role": "You have no access to FaceLease",
    "signin_no_role_text": (
        "The DAM knows you, but none of your groups there has a role here. Ask your administrator, who "
        "decides it in FaceLease's configuration ([access])."
    ),
    "signin_too_often": "Too many attempts",
    "signin_too_often_text": (
        "Somebody at your address tried to sign in very often. Wait a minute and try again."
    ),
    "signin_malformed": "This is not a sign-in",
    "signin_malformed_text": "FaceLease is opened from the DAM: go there and choose it in the team centre.",
    "wrong": "That did not work",
    "wrong_text": "Go back and try again. If it happens again, tell your administrator.",
    "wrong_400": "This form is no longer valid",
    "wrong_400_text": (
        "It may have been open for too long, or you signed in again meanwhile. Go back, load the page "
        "anew and try again."
    ),
    "wrong_401": "You are not signed in",
    "wrong_401_text": (
        "You were signed out, or the session was idle for too long. Open FaceLease from the DAM."
    ),
    "wrong_403": "This page is not for your role",
    "wrong_403_text": "Ask your administrator if you need it.",
    "wrong_404": "There is nothing here",
    "wrong_404_text": "What you asked for is not there, or not any more.",
    "wrong_409": "That cannot be done",
    "wrong_409_text": "Nothing was changed. The reason:",
    "wrong_502": "The DAM did not do it",
    "wrong_502_text": "Try again in a moment. What the DAM said:",
    # ---- start
    "home_title": "What waits",
    "all_runs": "FaceLease runs, and looks after every end by itself.",
    "not_ready": "FaceLease does not work at this moment.",
    "auditor_home": "You may read the log and check it; everything else is for other roles.",
    "tile_suggested": "suggestions to confirm",
    "tile_unmatched": "faces without a name",
    "tile_ending": "people whose quitclaim ends within 60 days",
    "ending_title": "Ends within 60 days",
    "until": "until %s",
    "and_more": "and %d more",
    "overdue_title": "Past their review date",
    "overdue_text": (
        "In these collections faces are found, but no longer compared, until somebody reviews the basis."
    ),
    "review_was": "review was due on %s",
    "controller_title": "On the controller's own reading of the law",
    "controller_text": (
        "Here faces are compared although not everybody was asked: on the organisation's own documented "
        "reading of the law. Make sure that it still holds."
    ),
    "review_on": "review by %s",
    "dead_title": "Work that was given up",
    "dead_text": (
        "These jobs failed at every attempt. Mend what the message names; a scan asks for photographs again."
    ),
    # ---- review
    "lists": "What to review",
    "list_suggested": "Suggestions",
    "list_machine": "Tagged by the machine",
    "list_unmatched": "Without a name",
    "list_suggested_text": "The machine suggests a name. It is written only when you say so.",
    "list_machine_text": "These names were written automatically. Once confirmed, they count for clearance.",
    "list_unmatched_text": (
        "Faces nobody has named. A photograph is cleared only when each is named or left out."
    ),
    "nothing_waits": "Nothing waits here.",
    "alt_close": "The face for which %s is suggested",
    "alt_unknown": "The face that has no name yet",
    "alt_photo": "The whole photograph, with the face marked",
    "is_this": "Is this %s?",
    "who_is_this": "Who is this?",
    "small_face": "a small face: look twice",
    "yes_it_is": "Yes, this is %s",
    "not_this_person": "Not %s",
    "somebody_else": "It is somebody else",
    "name_them": "Name this person",
    "their_name": "Their name, as it stands under People",
    "write_name": "Write this name",
    "need_not_be_named": "Need not be named",
    "why_dismiss": "Why? The reason is shown wherever the photograph is asked about.",
    "reason_crowd": "crowd",
    "reason_statue": "statue or picture",
    "reason_screen": "no face at all",
    "reason_unrecognisable": "cannot be recognised by anybody",
    "other_reason": "Another reason",
    "leave_out": "Leave out",
    "done_confirm": "Confirmed: the name is written.",
    "done_name": "The name is written.",
    "done_reject": "Noted: not this person. It will not be suggested again for this face.",
    "done_dismiss": "Left out.",
    "done_undo": "Undone. The photograph is examined once more.",
    # ---- people
    "name": "Name",
    "recognition": "Recognition",
    "publication": "Publication",
    "agreed": "agreed",
    "agreed_no_photos": "agreed, no reference photographs",
    "nobody_found": "Nobody found.",
    "photographs": "Photographs",
    "origin_machine": "by the machine",
    "origin_confirmed": "confirmed",
    "origin_hand": "by hand",
    "language": "Language",
    "language_en": "English",
    "language_nl": "Dutch",
    "born": "Born (declared)",
    "guardians": "Guardians",
    "email": "E-mail",
    "none_known": "none known",
    "objected": "Objected to recognition",
    "template": "Enrolled for recognition",
    "being_erased": "This person is being erased.",
    "never_signed": "This person has not signed anything yet.",
    "quitclaim": "Quitclaim, version %d",
    "signed_on": "Signed on %s (%s)",
    "by_guardian": "by a guardian",
    "text_version": "Text %s",
    "replaced": "Replaced on %s",
    "method_paper": "on paper",
    "method_link": "by link",
    "method_import": "imported",
    "method_sample": "a sample",
    "state_in_force": "in force",
    "state_to_come": "to come",
    "state_ended": "ended",
    "state_never": "not in force",
    "why_withdrawn": "withdrawn",
    "why_restricted": "restricted",
    "why_superseded": "replaced",
    "why_lapsed": "lapsed",
    "why_objected": "objection",
    "no_end": "until withdrawn",
    "open_evidence": "Download the evidence of %s",
    "behalf_title": "Withdraw or restrict on their behalf",
    "behalf_text": (
        "When somebody asks for it by telephone, by letter or in person. It works at once: names go from "
        "the photographs, and clearance that rests on it ends."
    ),
    "which_lines": "What?",
    "everything": "everything",
    "who_asked": "Who asked for it?",
    "asker_person": "the person",
    "asker_guardian": "a guardian",
    "asker_authority": "an authority or a court",
    "sure": "I have made sure that it was asked for. It cannot be taken back, only signed anew.",
    "withdraw": "Withdraw",
    "restrict": "Restrict",
    "restrict_text": (
        "Restrict stops all use as well, but says that the person asked for restriction (GDPR Art. 18): "
        "the evidence is kept meanwhile."
    ),
    "done_withdraw": "Withdrawn. The names go from the photographs now.",
    "done_restrict": "Restricted. The names go from the photographs now.",
    "export_title": "Everything held on this person",
    "export_text": (
        "For a request under GDPR Art. 15: one file, to be handed to the person. The export is in the log."
    ),
    "export": "Download the export",
    "look_audited": "That you looked at this page is in the log.",
    # ---- collections
    "collection": "Collection",
    "collections_text": "Recognition is off unless a collection is switched on, with a basis.",
    "collections_in_dam": (
        "The mode of a collection is set in the DAM, in the collection's own menu. Here you only see it."
    ),
    "no_collection": "No collection found.",
    "mode": "Mode",
    "mode_off": "off",
    "mode_off_text": "Nothing is looked at.",
    "mode_detect": "detect",
    "mode_detect_text": "Faces are found and counted, and compared with nobody.",
    "mode_suggest": "suggest",
    "mode_suggest_text": "Faces are compared with people who agreed; a person decides.",
    "mode_auto": "automatic",
    "mode_auto_text": "Sure matches are tagged by themselves, marked as the machine's.",
    "mode_never": "never",
    "mode_never_text": "Forbidden here, even where another collection allows it.",
    "today_only": "today: %s",
    "lapsed_text": (
        "The basis no longer holds, so today this collection is on: %s. Review it and give a later date."
    ),
    "basis": "Basis",
    "basis_none": "none",
    "basis_all-asked": "everybody was asked",
    "basis_shoot": "a sign-up shoot",
    "basis_controller": "the controller's own reading",
    "basis_text": (
        "Suggest and automatic need a basis. The controller's own reading also needs the reference of "
        "the DPIA, who decided, when, and a review date."
    ),
    "review_date": "Review date",
    "evidence": "Evidence",
    "evidence_label": "Evidence: where it is kept, or the reference of the DPIA",
    "decided_by": "Decided by",
    "decided_on": "Decided on",
    "set_by": "Set here by",
    "members": "Signed up",
    "members_label": "Signed up for the shoot, one name a line",
    "set_title": "Set the mode",
    "done_mode": "Saved. It holds from now on.",
    # ---- the log
    "log_text": (
        "What was done, by whom and when. People stand in it under a pseudonym; that you look is in it too."
    ),
    "act": "What",
    "any_act": "anything",
    "up_to_day": "Up to this day",
    "show": "Show",
    "no_rows": "No rows.",
    "number": "No.",
    "when": "When",
    "by_whom": "By",
    "details": "Details",
    "about": "about",
    "photo_number": "photograph",
    "older": "Older",
    "chain_title": "Is the log whole?",
    "chain_text": (
        "Each row is chained to the one before. Compare the last one with what you wrote down before, or "
        "follow the whole chain now."
    ),
    "head": "Row %d:",
    "verify": "Check the whole log",
    "log_export": "Download the log",
    "chain_holds": "The log is whole: every row follows from the one before.",
    "rows_checked": "Rows followed",
    "heads_compared": "Heads outside compared",
    "rows_pruned": "Rows past their term before them",
    "last_row": "Last row",
    "chain_limit": "What was changed after the last head that is kept outside the store cannot be noticed.",
    "chain_broken": "The log does not hold.",
    "chain_broken_text": (
        "Somebody changed it, or the store is damaged. Leave everything as it is, and tell the data "
        "protection officer."
    ),
}
