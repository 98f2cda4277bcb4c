"""What is wrong with a form or a photograph, in plain words: English and Dutch."""

from collections.abc import Mapping

_FAULTS: Mapping[str, Mapping[tuple[str, str], str]] = {
    "en": {
        ("name", "needed"): "Fill in the name of the person in the photographs.",
        ("name", "unreadable"): "The name holds signs that are not letters. Type it once more.",
        ("signer", "needed"): "Fill in the name of whoever signs.",
        ("signer", "unreadable"): "The name of whoever signs holds signs that are not letters. Type it once more.",
        ("signer", "too-early"): "You can sign from your birthday on, not before.",
        ("other_signer", "needed"): "Fill in the name of the other parent or guardian.",
        ("other_signer", "unreadable"): "The name of the other one holds signs that are not letters.",
        ("other_signer", "same"): "The other parent or guardian must be somebody else.",
        ("birth_date", "needed"): "Fill in the date of birth: you named a parent or guardian.",
        ("birth_date", "unreadable"): "Write the date of birth as year-month-day, such as 2015-04-30.",
        ("birth_date", "impossible"): "That date of birth cannot be right.",
        ("choices", "nothing"): "You ticked nothing. Tick what you allow; or do not sign, if you allow nothing.",
        ("choices", "unknown"): "The form has changed meanwhile. Please look at your choices once more.",
        ("recognition", "too-young"): "Children below {floor} are not recognised. Take that tick out.",
        ("email", "needed"): "Fill in an e-mail address.",
        ("email", "unreadable"): "This is not an e-mail address. Does it have an @?",
        ("email", "refused"): "No e-mail can be sent there. Is the address right?",
        ("email", "later"): "Our mail does not work at the moment. Please try again later.",
        ("email", "too-many"): "Too many codes were asked for. Try again in an hour.",
        ("other_email", "needed"): "Fill in the e-mail address of the other parent or guardian.",
        ("other_email", "unreadable"): "That is not an e-mail address of the other one. Does it have an @?",
        ("other_email", "same"): "The other parent or guardian needs an e-mail address of their own.",
        ("signature", "needed"): "Draw your signature, or type your name.",
        ("signature", "unreadable"): "The signature cannot be read. Draw it anew, or type your name.",
        ("code", "needed"): "Fill in the code from our e-mail.",
        ("code", "wrong"): "The code is not right, or too old. Look once more, or ask for a new one.",
        ("photographs", "not-allowed"): "You chose photographs of your face without allowing recognition. "
                                        "We have thrown them away.",
        ("photographs", "not-asked"): "No photographs of the face are needed here. We have thrown them away.",
        ("photographs", "too-many"): "Five photographs at most.",
        ("photographs", "too-large"): "A photograph may have 12 MB at most.",
        ("photographs", "failed"): "The photographs could not be looked at. Please try again.",
        ("form", "refused"): "It cannot be signed like this. Please ask whoever sent you the link.",
    },
    "nl": {
        ("name", "needed"): "Vul de naam in van de persoon op de foto's.",
        ("name", "unreadable"): "In de naam staan tekens die geen letters zijn. Typ de naam nog eens.",
        ("signer", "needed"): "Vul de naam in van degene die tekent.",
        ("signer", "unreadable"): "In de naam van degene die tekent staan tekens die geen letters zijn.",
        ("signer", "too-early"): "U kunt vanaf uw verjaardag tekenen, niet eerder.",
        ("other_signer", "needed"): "Vul de naam in van de andere ouder of voogd.",
        ("other_signer", "unreadable"): "In de naam van de ander staan tekens die geen letters zijn.",
        ("other_signer", "same"): "De andere ouder of voogd moet iemand anders zijn.",
        ("birth_date", "needed"): "Vul de geboortedatum in: u hebt een ouder of voogd genoemd.",
        ("birth_date", "unreadable"): "Schrijf de geboortedatum als jaar-maand-dag, bijvoorbeeld 2015-04-30.",
        ("birth_date", "impossible"): "Deze geboortedatum kan niet kloppen.",
        ("choices", "nothing"): "U hebt niets aangevinkt. Vink aan wat u toestaat; teken niet als u niets toestaat.",
        ("choices", "unknown"): "Het formulier is intussen veranderd. Kijk uw keuzes nog eens na.",
        ("recognition", "too-young"): "Kinderen jonger dan {floor} worden niet herkend. Haal dat vinkje weg.",
        ("email", "needed"): "Vul een e-mailadres in.",
        ("email", "unreadable"): "Dit is geen e-mailadres. Staat er een @ in?",
        ("email", "refused"): "Er kan geen e-mail naar dit adres. Klopt het?",
        ("email", "later"): "Onze e-mail werkt op dit moment niet. Probeer het later nog eens.",
        ("email", "too-many"): "Er zijn te veel codes gevraagd. Probeer het over een uur nog eens.",
        ("other_email", "needed"): "Vul het e-mailadres in van de andere ouder of voogd.",
        ("other_email", "unreadable"): "Dit is geen e-mailadres van de ander. Staat er een @ in?",
        ("other_email", "same"): "De andere ouder of voogd heeft een eigen e-mailadres nodig.",
        ("signature", "needed"): "Zet uw handtekening, of typ uw naam.",
        ("signature", "unreadable"): "De handtekening is niet leesbaar. Teken opnieuw, of typ uw naam.",
        ("code", "needed"): "Vul de code uit onze e-mail in.",
        ("code", "wrong"): "De code klopt niet, of is te oud. Kijk nog eens, of vraag een nieuwe.",
        ("photographs", "not-allowed"): "U hebt foto's van uw gezicht gekozen zonder herkenning toe te staan. "
                                        "Wij hebben ze weggegooid.",
        ("photographs", "not-asked"): "Foto's van het gezicht zijn hier niet nodig. Wij hebben ze weggegooid.",
        ("photographs", "too-many"): "Ten hoogste vijf foto's.",
        ("photographs", "too-large"): "Een foto mag ten hoogste 12 MB groot zijn.",
        ("photographs", "failed"): "De foto's konden niet worden bekeken. Probeer het nog eens.",
        ("form", "refused"): "Zo kan het niet worden getekend. Vraag het aan degene die u de link heeft gestuurd.",
    },
}  # fmt: skip

# What the recogniser says of a reference photograph, by how its sentence begins.
_PHOTOGRAPHS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "no face was found": "We see no face. Take one from the front, in good light.",
        "more than one face": "There is more than one face. Take one with only you on it.",
        "the face is too dark": "The face is too dark. Take one in better light.",
        "the face is blurred": "The face is blurred. Hold still, and take it once more.",
        "the face is": "The face is too small. Come closer.",
        "does not look like": "This does not look like the person on the other photographs.",
        "the photographs do not look like": "This does not look like the person on the earlier photographs.",
        "the file has": "The file is too large.",
        "the picture has": "The photograph is too large.",
        "": "This file cannot be read as a photograph. Choose another one.",
    },
    "nl": {
        "no face was found": "Wij zien geen gezicht. Maak een foto van voren, bij goed licht.",
        "more than one face": "Er staat meer dan één gezicht op. Maak een foto met alleen u erop.",
        "the face is too dark": "Het gezicht is te donker. Maak een foto bij beter licht.",
        "the face is blurred": "Het gezicht is onscherp. Houd stil en maak de foto nog eens.",
        "the face is": "Het gezicht is te klein. Kom dichterbij.",
        "does not look like": "Dit lijkt niet op de persoon op de andere foto's.",
        "the photographs do not look like": "Dit lijkt niet op de persoon op de eerdere foto's.",
        "the file has": "Het bestand is te groot.",
        "the picture has": "De foto is te groot.",
        "": "Dit bestand is niet te lezen als foto. Kies een ander.",
    },
}  # fmt: skip


def say(where: str, fault: str, language: str, floor: int) -> str:
    """The fault as a sentence. `floor`: from which age somebody may be recognised."""
    known = _FAULTS.get(language, _FAULTS["en"])
    return known.get((where, fault), known[("form", "refused")]).format(floor=floor)


def of_photograph(reason: str, language: str) -> str:
    """What the recogniser said of one photograph, in plain words; a number before it is kept apart."""
    known = _PHOTOGRAPHS.get(language, _PHOTOGRAPHS["en"])
    return next(words for beginning, words in known.items() if reason.startswith(beginning))


def numbered(reason: str) -> tuple[int, str]:
    """Of "photograph 2: the face is blurred" the number and the rest; 1 where none is said."""
    head, _, rest = reason.partition(": ")
    number = head.removeprefix("photograph ")
    return (int(number), rest) if number.isdigit() else (1, reason)
