"""The vocabulary and the facts of the model that a server serves: a few JSON files, no weights."""

from dataclasses import replace

from dgls.diffusion.sampling import Kernel
from dgls.engines.checkpoint import Facts, find_description, read_facts, read_json
from dgls.engines.serving.checkpoints import revision_of
from dgls.engines.tokens import Tokens, read_tokens
from dgls.engines.vllm.served import Served
from dgls.errors import ModelError
from dgls.settings import Settings


def read_vocabulary(served: Served, settings: Settings) -> tuple[Tokens, Facts]:
    """The tokens and facts of the served model, the context and canvas as the server has them. Raises ModelError.

    Its files are those of the setting `model`, or of the folder or hub id that the server loaded; those of this
    machine's own server are of the revision that it serves, which may be the only one on this machine.
    """
    name = settings.model if settings.model and settings.model != served.model else served.root
    folder = find_description(name, "" if settings.url else revision_of(name, settings.revision))
    facts = read_facts(folder, settings)
    if facts.sampling.kernel is not Kernel.UNIFORM:
        raise ModelError(f"{served.model} was trained on other noise than vLLM's", "use it with engine=local")
    config = read_json(folder / "config.json")
    vocab_size = int(config.get("text_config", config).get("vocab_size", 0))
    if not vocab_size:
        raise ModelError(f"the config of {served.model} has no vocab_size", "copy the model anew")
    width = min(served.canvas_length, facts.canvas_length)
    return read_tokens(folder, vocab_size), replace(facts, canvas_length=width, context_limit=served.max_model_len)
