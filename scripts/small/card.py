"""The model card: `card.md` filled in with what was measured."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from small.batches import Shape
from small.corpus import HELD_OUT_PACKAGES
from small.evaluation import TAILS
from small.net import Size
from small.report import STEPS, Report, Row, Sample, standard_error
from small.tokens import MASK

UNMEASURED = "Not measured yet."
_SOURCE = "It went on from an earlier export, of step {steps}, with new optimisers. All in all: "
_SCORERS = ("score \\ suffix tokens", *map(str, TAILS))


@dataclass(frozen=True)
class Facts:
    """What a card tells besides the measured figures."""

    size: Size
    shape: Shape
    n_parameters: int
    progress: Mapping[str, float]  # steps, tokens, minutes
    date: str
    command: str
    curve: Path
    kernel: str
    cold_since: int  # the step at which an earlier model was gone on from; 0: none
    examples: str
    evaluation: str
    manifest: list[dict[str, object]]


def render_card(facts: Facts, report: Report | None) -> str:
    """The text of MODEL_CARD.md; without a report it says that nothing was measured yet."""
    return _template("card.md").format(
        **asdict(facts.size),
        n_parameters=f"{facts.n_parameters / 1e6:.1f}",
        noise=MASK,
        kernel=facts.kernel,
        kernels=_template("card_kernels.md").strip(),
        source=_SOURCE.format(steps=f"{facts.cold_since:,}") if facts.cold_since else "",
        examples=facts.examples,
        evaluation=facts.evaluation,
        window=facts.shape.window,
        canvas=facts.shape.canvas,
        reach=facts.shape.reach,
        steps=f"{facts.progress['steps']:,}",
        tokens=f"{facts.progress['tokens'] / 1e6:.1f}",
        minutes=f"{facts.progress['minutes']:.0f}",
        date=facts.date,
        command=facts.command,
        figures=_figures(report).strip() if report else UNMEASURED,
        curve=_curve(facts.curve),
        corpus_tokens=f"{sum(int(str(row['tokens'])) for row in facts.manifest) / 1e6:.1f}",
        held_out=_and(sorted(HELD_OUT_PACKAGES)),
        corpus=_corpus(facts.manifest),
    )


def _figures(report: Report) -> str:
    head = ("gaps", "method", "exact", "rest / whole line", "2-4 / 5-8 / 9-16 tokens", "first token")
    quick_head = ("one pass", "encoder nats/token", "denoiser nats/token, all noise", "first token", "gap tokens")
    return _template("card_figures.md").format(
        n=max(row.n for row in report.rows),
        held_out=_and(sorted(HELD_OUT_PACKAGES)),
        methods=_table(head, map(_cells, report.rows)),
        lengths=_and([str(length) for length in report.lengths]),
        denoising_steps=STEPS,
        kind=report.scorer[0],
        tail=report.scorer[1],
        scorers=_table(_SCORERS, (_scorer_cells(kind, report) for kind in ("sum", "mean"))),
        quick=_table(quick_head, (_quick_cells(name, quick) for name, quick in report.quick.items())),
        n_samples=len(report.samples),
        samples=_samples(report.samples),
    )


def _scorer_cells(kind: str, report: Report) -> Sequence[str]:
    """Exact and first token on dev for one kind of score."""
    shares = (f"{_percent(exact)} / {_percent(first)}" for name, _, exact, first in report.scorers if name == kind)
    return kind, *shares


def _quick_cells(name: str, quick: Mapping[str, float]) -> Sequence[str]:
    """One row of the table of one-pass measures."""
    return name, f"{quick['ar']:.2f}", f"{quick['gap']:.2f}", _percent(quick["first"]), _percent(quick["token"])


def _cells(row: Row) -> Sequence[str]:
    """One row of the table of methods."""
    exact, first = (f"{_percent(share)} ± {_percent(standard_error(share, row.n))}" for share in (row.exact, row.first))
    kinds, lengths = (" / ".join(map(_percent, shares)) for shares in (row.by_kind, row.by_length))
    return row.gaps, row.method, exact, kinds, lengths, "" if row.method.startswith("any") else first


def _samples(samples: Iterable[Sample]) -> str:
    return "\n".join(
        f"{s.before!r}\n    truth          {s.truth!r}\n    left to right  {s.left_to_right!r}\n"
        f"    denoising      {s.denoised!r}\n    length chosen  {s.chosen!r}\n    then           {s.after!r}"
        for s in samples
    )


def _curve(path: Path) -> str:
    """About ten rows of the curve, the last one among them."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept = rows[(len(rows) - 1) % max(1, len(rows) // 10) :: max(1, len(rows) // 10)]
    cells = [
        (
            f"{float(row['minutes']):.0f}",
            row["steps"],
            f"{float(row['train_ar']):.2f} / {float(row['dev_ar']):.2f}",
            f"{float(row['train_gap']):.2f} / {float(row['dev_gap']):.2f}",
            _percent(float(row["dev_first"])),
            _percent(float(row["dev_exact"])),
        )
        for row in kept
    ]
    head = ("minutes", "steps", "encoder train / dev", "denoiser train / dev", "dev first token", "dev exact")
    return _table(head, cells)


def _corpus(manifest: list[dict[str, object]]) -> str:
    head = ("package", "version", "licence", "files", "tokens")
    rows = sorted(manifest, key=lambda row: -int(str(row["tokens"])))
    return _table(head, ([str(row[name]) for name in head] for row in rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _template(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _percent(share: float) -> str:
    """A share in percent; a dash where there is none."""
    return "-" if share < 0 else f"{100 * share:.1f} %"


def _and(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1]
