"""The driver half of the backend; Triton looks for a subclass of DriverBase here."""

import os
from typing import Any, NoReturn

from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase


class InterpretedDriver(DriverBase):  # type: ignore[misc] # Triton is not installed where types are checked
    """Launches nothing: the interpreter does."""

    @classmethod
    def is_active(cls) -> bool:
        """Only where kernels are interpreted."""
        return os.environ.get("TRITON_INTERPRET") == "1"

    def get_current_target(self) -> Any:
        """A device with one lane."""
        return GPUTarget("cpu", 0, 1)

    def get_active_torch_device(self) -> Any:
        """The CPU."""
        import torch

        return torch.device("cpu")

    def map_python_to_cpp_type(self, ty: str) -> NoReturn:
        """Is asked for by a launch alone."""
        raise NotImplementedError("set TRITON_INTERPRET=1")

    def get_benchmarker(self) -> NoReturn:
        """Nothing is tuned."""
        raise NotImplementedError("set TRITON_INTERPRET=1")
