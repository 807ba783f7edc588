"""What was suggested after each change, and what that is worth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.bootstrap import Interval, interval, ratio
from evaluation.edits.case import EditCase

QUIET = "quiet"


@dataclass(frozen=True)
class Followed:
    """A case and the texts that its document becomes by each suggested edit alone."""

    case: EditCase
    suggested: tuple[str, ...]
    n_forwards: int

    @property
    def n_right(self) -> int:
        """How many of the wanted edits were suggested."""
        return len(set(self.suggested) & set(self.case.expected))


def by_kind(found: Sequence[Followed]) -> Iterator[dict[str, Any]]:
    """The measures of each kind, and of all kinds that begin with the same word."""
    kinds = list(dict.fromkeys(one.case.kind for one in found))
    groups = list(dict.fromkeys(kind.partition(":")[0] for kind in kinds))
    for name in [*kinds, *(f"{group}: all" for group in groups if sum(k.startswith(f"{group}:") for k in kinds) > 1)]:
        some = [one for one in found if one.case.kind == name or name == f"{one.case.kind.partition(':')[0]}: all"]
        yield {"kind": name, "cases": len(some), **measures(some)}


def measures(found: Sequence[Followed]) -> dict[str, Interval | None]:
    """Quiet cases: how many stayed so. Others: of the suggested edits those wanted, of the wanted those suggested."""
    passes = interval([one.n_forwards for one in found])
    if found[0].case.kind.startswith(QUIET):
        return {"quiet": interval([float(not one.suggested) for one in found]), "passes": passes}
    right = [float(one.n_right) for one in found]
    return {
        "precision": ratio(right, [float(len(one.suggested)) for one in found]),
        "recall": ratio(right, [float(len(one.case.expected)) for one in found]),
        "passes": passes,
    }
