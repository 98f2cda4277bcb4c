"""Why an examination is partial: codes in `Examination.note`, separated by spaces."""

from enum import StrEnum


class Partly(StrEnum):
    """What was not examined; `quitclaim.wording` has the sentences for people."""

    PAGES = "pages"
    FRAMES = "frames"
    LAYERS = "layers"
    FILM = "film"
    SOUND = "sound"
    OTHER_PICTURE = "other_picture"  # a thumbnail or further picture shows somebody whom the main one does not
    UNREAD_PICTURE = "unread_picture"  # a further picture cannot be opened
    TRANSPARENT = "transparent"  # somebody is seen where the picture is transparent
    TURNED = "turned"  # programs turn the picture differently, and somebody is seen only as others turn it
    BEHIND = "behind"  # unknown data follows the picture
    SMALL_PREVIEW = "small_preview"  # there is only a preview, too small for the size of the original
    UNKNOWN_SIZE = "unknown_size"  # there is only a preview, and nobody knows the size of the original
    PREVIEW_ONLY = "preview_only"  # there is only a preview: nobody looked into the original
    NOT_CLOSE = "not_close"  # the finer pass could not be made
