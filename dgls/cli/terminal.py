"""The terminal as rich draws on it."""

from rich.console import Console


class Terminal(Console):
    """A console that draws nothing on its own, and leaves a broken pipe to the command line."""

    def __init__(self) -> None:
        super().__init__(highlight=False)

    @property
    def is_live(self) -> bool:
        """Whether a frame can be drawn over the last one."""
        return self.is_terminal and not self.is_dumb_terminal

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError, where rich would end the process."""
        raise BrokenPipeError
