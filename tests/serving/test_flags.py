"""The command line and the generation config of a server, flag by flag."""

import json

from dgls.diffusion.sampling import Sampling
from dgls.engines.serving.flags import API_SERVER, Serving, command_line, generation_config

SAMPLING = Sampling(max_denoising_steps=16, entropy_bound=0.2)


def line(*program: str, revision: str = "", scheduler: str = "", more: tuple[str, ...] = ()) -> str:
    """The command line for a small model."""
    serving = Serving(
        model="org/model",
        listen={"--uds": "/run/x.sock"},
        config_folder="/run/config",
        sampling=SAMPLING,
        canvas_tokens=128,
        revision=revision,
        scheduler=scheduler,
        more=more,
    )
    return " ".join(command_line(program, serving))


def test_the_whole_line() -> None:
    assert line("vllm", "serve", revision="abc") == (
        "vllm serve org/model --revision abc --tokenizer-revision abc --served-model-name dg --uds /run/x.sock"
        ' --limit-mm-per-prompt {"image": 0, "video": 0} --max-model-len 16384 --max-num-seqs 16'
        ' --diffusion-config {"canvas_length": 128, "max_denoising_steps": 16} --max-logprobs 20'
        " --enable-prefix-caching --prefix-cache-retention-interval 1024 --enable-prompt-tokens-details"
        " --enable-per-request-metrics --disable-uvicorn-access-log --generation-config /run/config"
    )


def test_the_module_takes_the_model_as_an_option() -> None:
    assert f"{API_SERVER} --model org/model --served" in line("python", "-m", API_SERVER)


def test_what_the_user_adds_replaces_ours() -> None:
    found = line("vllm", scheduler="a.B", more=("--max-num-seqs", "2", "--max-logprobs=5"))
    assert found.endswith("--scheduler-cls a.B --max-num-seqs 2 --max-logprobs=5")
    assert found.count("--max-num-seqs") == found.count("--max-logprobs") == 1


def test_nothing_lets_a_model_bring_code() -> None:
    assert "trust" not in line("vllm", "serve")


def test_the_config_has_our_numbers_and_the_models_own_ids() -> None:
    own = {"eos_token_id": [1, 106], "t_min": 0.1, "max_new_tokens": 256, "sampler_config": {"entropy_bound": 9}}
    assert json.loads(json.dumps(generation_config(SAMPLING, own))) == {
        "eos_token_id": [1, 106],
        "max_denoising_steps": 16,
        "t_min": 0.4,
        "t_max": 0.8,
        "stability_threshold": 1,
        "confidence_threshold": 0.005,
        "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.2},
    }
