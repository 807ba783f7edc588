"""Makes PyPI's torchvision importable with a torch for the CPU: its C operators are built for CUDA and not loaded.

vLLM imports it for the image processor of the model's family. Declaring the two operators that it registers
something for is enough; they are declared when it is about to be imported, as torch should not be loaded before.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class DeclaresOperators(MetaPathFinder):
    """Finds nothing; declares the operators when torchvision is looked for."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Always None: the next finder finds it."""
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            import torch

            for name in ("nms", "qnms"):
                torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")


sys.meta_path.insert(0, DeclaresOperators())
