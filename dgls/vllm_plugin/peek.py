"""A worker extension for `--worker-extension-cls`: the draft of a canvas while it is denoised."""

from typing import Any


class Peek:
    """What vLLM mixes into its workers; ask by `collective_rpc("dgls_peek", args=(request_id,))`."""

    model_runner: Any

    def dgls_peek(self, request_id: str) -> list[Any] | None:
        """Steps done and the likeliest canvas of a running request, whose id may have a suffix; None without one."""
        state = getattr(self.model_runner, "model_state", None)
        states, slots = getattr(state, "diffusion_states", None), getattr(state, "_req_id_to_index", {})
        slot = next((slots[name] for name in list(slots) if name.startswith(request_id)), None)
        if states is None or slot is None:
            return None
        return [int(states.step[slot]), states.argmax_canvas[slot, : int(states.canvas_width_np[slot])].tolist()]
