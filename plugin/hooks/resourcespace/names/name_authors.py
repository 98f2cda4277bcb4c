"""Who put a name on a resource, by the resource's own log.

A name that we removed and that is there again is by hand only where another account put it there after our removal. A
restored database, a reverted log row and a copied resource only bring back the old name.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

# How the DAM's plugin rse_version marks the row of a revert, in each of its languages.
_REVERT_NOTES = (
    "(geri al)|(obnoviť)|(rejesha)|(reveni)|(revert)|(revertir)|(vrátit)|(връщане)|(відновити)|(بازگرداندن)|"
    "(واپس کریں)|(گەڕاندنەوە)|(वापस करें)|(পুনরুদ্ধার)|(ਵਾਪਸ ਕਰੋ)|(還原)|(되돌리기)|Palauta|Povrati|Przywróć|"
    "Revenir|Terugdraaien|Tilbagefør|dychwelyd|ibalik|kembalikan|khôi phục|mengembalikan|reverter|"
    "ripristinare|tilbakeføre|tornar enrere|visszaállítás|zurücksetzen|återgå|αναστροφή|Откатить|адмяніць|"
    "إرجاع|ย้อนกลับ|回复|変更を元に戻す"
)
_REVERTED = frozenset(_REVERT_NOTES.split("|"))
_EDITS = frozenset({"e", "m"})
_CREATED = "c"


@dataclass(frozen=True)
class LogAct:
    """One row of a resource's log; `user` is the account's name, "" if unknown."""

    ref: int
    kind: str
    field: int
    user: str
    notes: str
    diff: str

    @property
    def restores(self) -> bool:
        """Whether it only reverts another row."""
        return self.notes.strip() in _REVERTED


@dataclass(frozen=True)
class NameQuestion:
    """A name, its field and our account; `is_name` matches it in any spelling."""

    field: int
    account: str
    is_name: Callable[[str], bool]

    def mine(self, act: LogAct) -> bool:
        return act.user.casefold() == self.account.casefold()

    def names(self, act: LogAct) -> tuple[bool, bool]:
        """Whether the row removed the name, and whether it added it."""
        if act.kind not in _EDITS or act.field != self.field:
            return False, False
        less, more = parse_diff(act.diff)
        return any(map(self.is_name, less)), any(map(self.is_name, more))


def is_put_by_hand(acts: Sequence[LogAct], asked: NameQuestion, since: int | None, floors: Iterable[int]) -> bool:
    """Whether another account added the name after we removed it.

    `since`: the end of the log before our removal; `floors`: for each set-back of the log the last row that stayed. Our
    own row is the best evidence, if it is still there.
    """
    ours = [act.ref for act in acts if asked.mine(act) and asked.names(act)[0]]
    if not ours and since is None:
        return False
    floor = max([*ours, min([since, *floors]) if since is not None else 0])
    born = max((act.ref for act in acts if act.kind == _CREATED), default=0)  # before it: copied with the resource
    return any(
        act.ref > max(floor, born) and asked.names(act)[1] and not asked.mine(act) and not act.restores for act in acts
    )


def is_taken_off_by_hand(acts: Sequence[LogAct], asked: NameQuestion) -> bool:
    """Whether the last logged change of the name is a removal by another account."""
    last = next((act for act in reversed(acts) if any(asked.names(act))), None)
    return last is not None and asked.names(last)[0] and not asked.mine(last)


def parse_diff(diff: str) -> tuple[set[str], set[str]]:
    """The names that a row removed, and those it added."""
    less, more = set(), set()
    for line in diff.splitlines():
        name = line[2:].removeprefix(",").strip()
        if line.startswith("- "):
            less.add(name)
        elif line.startswith("+ "):
            more.add(name)
    return less - {""}, more - {""}
