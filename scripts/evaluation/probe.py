"""The local filler with two things an editor does not need: a canvas that ends early, and an eye on the pins."""

from collections.abc import Generator, Sequence

from dgls.diffusion.canvas import Canvas, lay_out
from dgls.diffusion.denoise import Step
from dgls.diffusion.layout import Run
from dgls.diffusion.prefix import Prefix
from dgls.engines.filler import Filler
from dgls.engines.framing import Framed
from dgls.engines.gemma import Gemma


class Probe(Filler):
    """A filler that counts changed pins; with `n_behind`, canvases end that many tokens behind the gap.

    Such a canvas has one row, of the first gap length. `facts` and `n_behind` may be changed between requests.
    """

    n_behind: int | None = None
    n_pins_changed = 0

    def _canvas(self, frame: Framed, rows: Sequence[Sequence[Run]]) -> Canvas:
        """One row without anything behind the told part of the suffix, not even the end of the text."""
        if self.n_behind is None:
            return super()._canvas(frame, rows)
        room = self.facts.canvas_length - len(frame.head)
        length = min(sum(len(run.ids) for run in rows[0]), room)
        tail = frame.tail[: min(self.n_behind, room - length)]
        return lay_out(frame.head, [length], tail, end=frame.end, width=len(frame.head) + length + len(tail))

    def _steps(self, model: Gemma, frame: Framed, prefix: Prefix, canvas: Canvas) -> Generator[Step, None, None]:
        """The denoising steps; pins that differ from the canvas as it was laid out are counted."""
        for step in super()._steps(model, frame, prefix, canvas):
            for ids in (step.draft, step.current):
                self.n_pins_changed += int((ids.cpu() != canvas.ids)[canvas.pinned].sum())
            yield step
