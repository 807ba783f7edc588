"""The compiler half of the backend; Triton looks for a subclass of BaseBackend here."""

from typing import Any, NoReturn

from triton.backends.compiler import BaseBackend


class InterpretedBackend(BaseBackend):  # type: ignore[misc] # Triton is not installed where types are checked
    """Compiles nothing."""

    binary_ext = "none"

    @staticmethod
    def supports_target(target: Any) -> bool:
        """Only its own."""
        return bool(target.backend == "cpu")

    def hash(self) -> str:
        """What a compiled kernel's cache would be named by."""
        return "interpreted"

    def parse_options(self, options: Any) -> NoReturn:
        """Is asked for by a compilation alone."""
        raise NotImplementedError("set TRITON_INTERPRET=1")

    def add_stages(self, stages: Any, options: Any, language: Any = None) -> NoReturn:
        """Is asked for by a compilation alone."""
        raise NotImplementedError("set TRITON_INTERPRET=1")

    def load_dialects(self, context: Any) -> None:
        """There are none."""

    def get_module_map(self) -> dict[str, Any]:
        """There are no device libraries."""
        return {}
