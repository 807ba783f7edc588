"""The figures of a model card: measured once for a checkpoint, kept as JSON, so that a card can be written anew."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from small.data import Data
from small.evaluation import SCORERS, Candidates, Fills, any_exact, candidates, choose, known_length, truth
from small.gaps import Gaps, cut_gaps, measure
from small.net import Net

SEED = 1  # other gaps than those of the curve
N_SAMPLES = 12
STEPS = 4


@dataclass(frozen=True)
class Row:
    """One method on one set of gaps; shares of the gaps, -1 where there is none."""

    gaps: str
    method: str
    n: int
    exact: float
    first: float
    by_kind: tuple[float, float]  # exact: rest of a line, whole line
    by_length: tuple[float, float, float]  # exact: 2-4, 5-8, 9-16 tokens


@dataclass(frozen=True)
class Sample:
    """One held-out gap and what the methods put into it, as text."""

    before: str
    truth: str
    left_to_right: str
    denoised: str
    chosen: str
    after: str


@dataclass(frozen=True)
class Report:
    """All figures of a checkpoint, and the samples (the first gaps of the test set, not picked)."""

    rows: tuple[Row, ...]
    scorers: tuple[tuple[str, int, float, float], ...]  # kind, suffix tokens, exact and first token on dev
    scorer: tuple[str, int]  # the best of them
    lengths: tuple[int, ...]  # of the gaps tried side by side
    quick: dict[str, dict[str, float]]  # set of gaps -> `gaps.Quick`
    samples: tuple[Sample, ...]


def make_report(net: Net, data: Data, *, n_gaps: int, lengths: tuple[int, ...]) -> Report:
    """Measures a network on held-out files: the scorer is picked on dev, everything else is on test."""
    net.compute = torch.bfloat16
    sets = {name: cut_gaps(data.splits[name], data.line_starts, n_gaps, SEED) for name in ("dev", "test", "packages")}
    quick = {name: asdict(measure(net, gaps)) for name, gaps in sets.items()}
    on_dev = candidates(net, sets["dev"], lengths, STEPS)
    scorers = [(*scorer, *_score(Fills("", choose(on_dev, scorer)), sets["dev"])) for scorer in SCORERS]
    kind, tail, *_ = max(scorers, key=lambda scored: scored[2:])
    on_test = candidates(net, sets["test"], lengths, STEPS)
    chosen = Fills("length chosen", choose(on_test, (kind, tail)))
    fills = known_length(net, sets["test"])
    rows = [_row("test", fill, sets["test"]) for fill in (*fills, chosen)]
    rows.append(_any_row(on_test, sets["test"]))
    rows += [_row("packages", fill, sets["packages"]) for fill in known_length(net, sets["packages"])]
    samples = _samples(data.tokenizer, sets["test"], (fills[0], fills[3], chosen))
    return Report(tuple(rows), tuple(scorers), (kind, tail), lengths, quick, samples)


def write_report(report: Report, path: Path) -> None:
    """Keeps a report as JSON."""
    path.write_text(json.dumps(asdict(report), indent=1))


def read_report(path: Path) -> Report:
    """A report that was kept as JSON."""
    found = json.loads(path.read_text())
    rows = tuple(
        Row(**{**row, "by_kind": tuple(row["by_kind"]), "by_length": tuple(row["by_length"])}) for row in found["rows"]
    )
    samples = tuple(Sample(**sample) for sample in found["samples"])
    scorers = tuple((kind, tail, exact, first) for kind, tail, exact, first in found["scorers"])
    return Report(rows, scorers, tuple(found["scorer"]), tuple(found["lengths"]), found["quick"], samples)


def standard_error(share: float, n: int) -> float:
    """Of a share of n independent gaps."""
    return float(np.sqrt(share * (1 - share) / n))


def _score(fills: Fills, gaps: Gaps) -> tuple[float, float]:
    """Shares of exact fills and of right first tokens; the second decides between scorers that tie in the first."""
    return _mean(fills.exact(gaps)), _mean(fills.first(gaps))


def _row(name: str, fills: Fills, gaps: Gaps) -> Row:
    return _shares(name, fills.method, (fills.exact(gaps), fills.first(gaps)), gaps)


def _any_row(found: Candidates, gaps: Gaps) -> Row:
    """The bound on any choice of length: one of the candidates is exact."""
    exact = any_exact(found, gaps)
    return _shares("test", "any of the lengths", (exact, torch.full_like(exact, False)), gaps)


def _shares(name: str, method: str, hits: tuple[torch.Tensor, torch.Tensor], gaps: Gaps) -> Row:
    exact, first = hits
    whole, length = gaps.whole_line, gaps.lengths
    lengths = (_mean(exact[length <= 4]), _mean(exact[(length > 4) & (length <= 8)]), _mean(exact[length > 8]))
    by_kind = (_mean(exact[~whole]), _mean(exact[whole]))
    return Row(name, method, len(gaps), _mean(exact), _mean(first), by_kind, lengths)


def _samples(tokenizer: Tokenizer, gaps: Gaps, fills: tuple[Fills, Fills, Fills]) -> tuple[Sample, ...]:
    """The first gaps of the set as text."""

    def text(ids: list[int] | NDArray[np.int64]) -> str:
        return str(tokenizer.decode(list(ids), skip_special_tokens=False))

    return tuple(
        Sample(
            before=text(gaps.prefixes[i, : int(gaps.starts[i])].tolist())[-60:],
            truth=text(truth(gaps, i)),
            left_to_right=text(fills[0].ids[i]),
            denoised=text(fills[1].ids[i]),
            chosen=text(fills[2].ids[i]),
            after=text(gaps.following[i, int(gaps.lengths[i]) :].tolist())[:40],
        )
        for i in range(min(N_SAMPLES, len(gaps)))
    )


def _mean(hits: torch.Tensor) -> float:
    return float(hits.float().mean()) if len(hits) else -1.0
