"""The staff's pages in Dutch. `%s` and `%d` are filled in by the page."""

DUTCH = {
    "lang": "nl",
    "months": "januari februari maart april mei juni juli augustus september oktober november december",
    # ---- the frame
    "skip": "Naar de inhoud",
    "menu": "Hoofdmenu",
    "sign_out": "Afmelden",
    "undo": "Ongedaan maken",
    "back": "Terug naar het begin",
    "to_dam": "Naar het DAM",
    "next_page": "Volgende pagina",
    "first_page": "Terug naar de eerste pagina",
    "search": "Zoeken",
    "search_name": "Deel van de naam",
    "yes": "ja",
    "no": "nee",
    "save": "Opslaan",
    "role_administrator": "beheerder",
    "role_officer": "functionaris gegevensbescherming",
    "role_editor": "redacteur",
    "role_auditor": "auditor",
    "menu_home": "Begin",
    "menu_review": "Beoordelen",
    "menu_people": "Personen",
    "menu_collections": "Collecties",
    "menu_requests": "Verzoeken",
    "menu_forms": "Formulieren",
    "menu_clearance": "Vrijgegeven",
    "menu_log": "Logboek",
    # ---- signing in, and what went wrong
    "signin_refused": "U bent niet aangemeld",
    "signin_refused_text": (
        "Aanmelden werkt één keer en binnen een minuut. Ga terug naar het DAM en open FaceLease daar "
        "opnieuw. Helpt dat niet, meld het dan uw beheerder: het geheim, het adres of een klok kan "
        "verkeerd staan."
    ),
    "signin_no_role": "U hebt geen toegang tot FaceLease",
    "signin_no_role_text": (
        "Het DAM kent u, maar geen van uw groepen daar heeft hier een rol. Vraag het uw beheerder, die "
        "dit in de configuratie van FaceLease regelt ([access])."
    ),
    "signin_too_often": "Te veel pogingen",
    "signin_too_often_text": (
        "Vanaf uw adres is heel vaak geprobeerd aan te melden. Wacht een minuut en probeer het opnieuw."
    ),
    "signin_malformed": "Dit is geen aanmelding",
    "signin_malformed_text": "FaceLease opent u vanuit het DAM: kies het daar in het beheercentrum.",
    "wrong": "Dat is niet gelukt",
    "wrong_text": "Ga terug en probeer het opnieuw. Gebeurt het nog eens, meld het dan uw beheerder.",
    "wrong_400": "Dit formulier is niet meer geldig",
    "wrong_400_text": (
        "Het stond misschien te lang open, of u hebt zich intussen opnieuw aangemeld. Ga terug, laad de "
        "pagina opnieuw en probeer het nog eens."
    ),
    "wrong_401": "U bent niet aangemeld",
    "wrong_401_text": "U bent afgemeld, of u was te lang niet actief. Open FaceLease vanuit het DAM.",
    "wrong_403": "Deze pagina hoort niet bij uw rol",
    "wrong_403_text": "Vraag uw beheerder als u haar nodig hebt.",
    "wrong_404": "Hier is niets",
    "wrong_404_text": "Wat u zoekt is er niet, of niet meer.",
    "wrong_409": "Dat kan niet",
    "wrong_409_text": "Er is niets gewijzigd. De reden, in het Engels:",
    "wrong_502": "Het DAM heeft het niet gedaan",
    "wrong_502_text": "Probeer het zo dadelijk opnieuw. Wat het DAM zei:",
    # ---- start
    "home_title": "Wat op u wacht",
    "all_runs": "FaceLease werkt en let zelf op alles wat afloopt.",
    "not_ready": "FaceLease werkt op dit moment niet.",
    "auditor_home": "U kunt het logboek lezen en controleren; de rest is voor andere rollen.",
    "tile_suggested": "voorstellen te bevestigen",
    "tile_unmatched": "gezichten zonder naam",
    "tile_ending": "personen van wie een quitclaim binnen 60 dagen afloopt",
    "ending_title": "Loopt binnen 60 dagen af",
    "until": "tot en met %s",
    "and_more": "en nog %d",
    "overdue_title": "Herzieningsdatum voorbij",
    "overdue_text": (
        "In deze collecties worden gezichten gevonden, maar niet meer vergeleken, tot iemand de "
        "grondslag herziet."
    ),
    "review_was": "herziening was nodig op %s",
    "controller_title": "Op eigen uitleg van de wet",
    "controller_text": (
        "Hier worden gezichten vergeleken terwijl niet iedereen gevraagd is: op grond van de eigen, "
        "vastgelegde uitleg van de wet door de organisatie. Ga na of die nog klopt."
    ),
    "review_on": "herzien vóór %s",
    "dead_title": "Opgegeven taken",
    "dead_text": (
        "Deze taken zijn bij elke poging mislukt. Verhelp wat de melding noemt; een scan vraagt de "
        "foto's opnieuw op."
    ),
    # ---- review
    "lists": "Wat u beoordeelt",
    "list_suggested": "Voorstellen",
    "list_machine": "Automatisch getagd",
    "list_unmatched": "Zonder naam",
    "list_suggested_text": "De computer stelt een naam voor. Die komt er pas bij als u het zegt.",
    "list_machine_text": (
        "Deze namen zijn automatisch geplaatst. Na uw bevestiging tellen ze mee voor vrijgave."
    ),
    "list_unmatched_text": (
        "Gezichten die nog geen naam hebben. Een foto is pas vrijgegeven als elk gezicht een naam heeft "
        "of is weggelaten."
    ),
    "nothing_waits": "Hier wacht niets op u.",
    "alt_close": "Het gezicht waarvoor %s wordt voorgesteld",
    "alt_unknown": "Het gezicht dat nog geen naam heeft",
    "alt_photo": "De hele foto, met het gezicht gemarkeerd",
    "is_this": "Is dit %s?",
    "who_is_this": "Wie is dit?",
    "small_face": "een klein gezicht: kijk goed",
    "yes_it_is": "Ja, dit is %s",
    "not_this_person": "Niet %s",
    "somebody_else": "Het is iemand anders",
    "name_them": "Geef deze persoon een naam",
    "their_name": "De naam, zoals die onder Personen staat",
    "write_name": "Plaats deze naam",
    "need_not_be_named": "Hoeft geen naam",
    "why_dismiss": "Waarom? De reden staat overal waar naar de foto wordt gevraagd.",
    "reason_crowd": "menigte",
    "reason_statue": "beeld of afbeelding",
    "reason_screen": "helemaal geen gezicht",
    "reason_unrecognisable": "voor niemand herkenbaar",
    "other_reason": "Een andere reden",
    "leave_out": "Weglaten",
    "done_confirm": "Bevestigd: de naam is geplaatst.",
    "done_name": "De naam is geplaatst.",
    "done_reject": "Genoteerd: niet deze persoon. Voor dit gezicht wordt de naam niet meer voorgesteld.",
    "done_dismiss": "Weggelaten.",
    "done_undo": "Ongedaan gemaakt. De foto wordt opnieuw onderzocht.",
    # ---- people
    "name": "Naam",
    "recognition": "Herkenning",
    "publication": "Publicatie",
    "agreed": "toestemming",
    "agreed_no_photos": "toestemming, nog geen referentiefoto's",
    "nobody_found": "Niemand gevonden.",
    "photographs": "Foto's",
    "origin_machine": "automatisch",
    "origin_confirmed": "bevestigd",
    "origin_hand": "met de hand",
    "language": "Taal",
    "language_en": "Engels",
    "language_nl": "Nederlands",
    "born": "Geboren (opgegeven)",
    "guardians": "Ouders of voogden",
    "email": "E-mail",
    "none_known": "niet bekend",
    "objected": "Bezwaar tegen herkenning",
    "template": "Aangemeld voor herkenning",
    "being_erased": "Deze persoon wordt gewist.",
    "never_signed": "Deze persoon heeft nog niets ondertekend.",
    "quitclaim": "Quitclaim, versie %d",
    "signed_on": "Ondertekend op %s (%s)",
    "by_guardian": "door een ouder of voogd",
    "text_version": "Tekst %s",
    "replaced": "Vervangen op %s",
    "method_paper": "op papier",
    "method_link": "via een link",
    "method_import": "overgenomen",
    "method_sample": "een voorbeeld",
    "state_in_force": "geldig",
    "state_to_come": "gaat nog in",
    "state_ended": "voorbij",
    "state_never": "niet geldig",
    "why_withdrawn": "ingetrokken",
    "why_restricted": "beperkt",
    "why_superseded": "vervangen",
    "why_lapsed": "verlopen",
    "why_objected": "bezwaar",
    "no_end": "tot intrekking",
    "open_evidence": "Download het bewijs van %s",
    "behalf_title": "Namens deze persoon intrekken of beperken",
    "behalf_text": (
        "Als iemand er telefonisch, per brief of persoonlijk om vraagt. Het werkt meteen: namen "
        "verdwijnen van de foto's, en vrijgave die erop berust eindigt."
    ),
    "which_lines": "Wat?",
    "everything": "alles",
    "who_asked": "Wie heeft erom gevraagd?",
    "asker_person": "de persoon zelf",
    "asker_guardian": "een ouder of voogd",
    "asker_authority": "een toezichthouder of rechter",
    "sure": (
        "Ik heb nagegaan dat erom gevraagd is. Het kan niet worden teruggedraaid, alleen opnieuw worden "
        "ondertekend."
    ),
    "withdraw": "Intrekken",
    "restrict": "Beperken",
    "restrict_text": (
        "Beperken stopt ook al het gebruik, maar legt vast dat de persoon om beperking vroeg (AVG art. "
        "18): het bewijs blijft intussen bewaard."
    ),
    "done_withdraw": "Ingetrokken. De namen verdwijnen nu van de foto's.",
    "done_restrict": "Beperkt. De namen verdwijnen nu van de foto's.",
    "export_title": "Alles wat over deze persoon bewaard wordt",
    "export_text": (
        "Voor een inzageverzoek (AVG art. 15): één bestand om aan de persoon te geven. De export staat "
        "in het logboek."
    ),
    "export": "Download de export",
    "look_audited": "Dat u deze pagina bekeek, staat in het logboek.",
    # ---- collections
    "collection": "Collectie",
    "collections_text": "Herkenning staat uit, tenzij een collectie met een grondslag is aangezet.",
    "collections_in_dam": (
        "De stand van een collectie kiest u in het DAM, in het menu van de collectie zelf. Hier ziet u "
        "haar alleen."
    ),
    "no_collection": "Geen collectie gevonden.",
    "mode": "Stand",
    "mode_off": "uit",
    "mode_off_text": "Er wordt naar niets gekeken.",
    "mode_detect": "vinden",
    "mode_detect_text": "Gezichten worden gevonden en geteld, en met niemand vergeleken.",
    "mode_suggest": "voorstellen",
    "mode_suggest_text": "Gezichten worden vergeleken met wie toestemde; een mens beslist.",
    "mode_auto": "automatisch",
    "mode_auto_text": "Zekere overeenkomsten krijgen vanzelf een naam, herkenbaar als automatisch.",
    "mode_never": "nooit",
    "mode_never_text": "Hier verboden, ook als een andere collectie het toestaat.",
    "today_only": "vandaag: %s",
    "lapsed_text": (
        "De grondslag geldt niet meer; vandaag staat deze collectie daarom op: %s. Herzie haar en geef "
        "een latere datum."
    ),
    "basis": "Grondslag",
    "basis_none": "geen",
    "basis_all-asked": "iedereen is gevraagd",
    "basis_shoot": "een fotosessie op aanmelding",
    "basis_controller": "eigen uitleg van de organisatie",
    "basis_text": (
        "Voorstellen en automatisch vragen om een grondslag. De eigen uitleg vraagt ook om de verwijzing "
        "naar de DPIA, wie besloot, wanneer, en een herzieningsdatum."
    ),
    "review_date": "Herzieningsdatum",
    "evidence": "Bewijs",
    "evidence_label": "Bewijs: waar het ligt, of de verwijzing naar de DPIA",
    "decided_by": "Besloten door",
    "decided_on": "Besloten op",
    "set_by": "Hier ingesteld door",
    "members": "Aangemeld",
    "members_label": "Aangemeld voor de fotosessie, één naam per regel",
    "set_title": "De stand instellen",
    "done_mode": "Opgeslagen. Het geldt vanaf nu.",
    # ---- the log
    "log_text": (
        "Wat er gedaan is, door wie en wanneer. Personen staan er onder een pseudoniem in; dat u kijkt, "
        "staat er ook in."
    ),
    "act": "Wat",
    "any_act": "alles",
    "up_to_day": "Tot en met deze dag",
    "show": "Toon",
    "no_rows": "Geen regels.",
    "number": "Nr.",
    "when": "Wanneer",
    "by_whom": "Door",
    "details": "Bijzonderheden",
    "about": "over",
    "photo_number": "foto",
    "older": "Ouder",
    "chain_title": "Is het logboek heel?",
    "chain_text": (
        "Elke regel is aan de vorige geketend. Vergelijk de laatste met wat u eerder opschreef, of loop "
        "nu de hele keten na."
    ),
    "head": "Regel %d:",
    "verify": "Controleer het hele logboek",
    "log_export": "Download het logboek",
    "chain_holds": "Het logboek is heel: elke regel volgt uit de vorige.",
    "rows_checked": "Nagelopen regels",
    "heads_compared": "Vergeleken met vastgelegde eindpunten",
    "rows_pruned": "Regels daarvoor, voorbij hun termijn",
    "last_row": "Laatste regel",
    "chain_limit": (
        "Wat er gewijzigd is na het laatste eindpunt dat buiten de opslag bewaard wordt, kan niemand merken."
    ),
    "chain_broken": "Het logboek klopt niet.",
    "chain_broken_text": (
        "Iemand heeft het gewijzigd, of de opslag is beschadigd. Laat alles zoals het is en waarschuw de "
        "functionaris gegevensbescherming."
    ),
}
