"""Fine-tuning: what is trained, what it is asked for, and that the merged folder is the adapted model."""

import csv
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor
from torch.nn import functional

from dgls.engines.checkpoint import BUNDLED, Facts, read_facts
from dgls.engines.filler import load_filler
from dgls.engines.gemma import Gemma
from dgls.engines.loading import load_model
from dgls.engines.masks import banned_mask
from dgls.engines.tokens import Tokens, read_tokens
from dgls.settings import Settings, with_settings
from dgls.text.document import Document
from dgls.text.gap import gap_at
from dgls.text.prompt import prompt
from finetune import main
from finetuning.adapter import adapted, merged, read_adapter, save_adapter, trained
from finetuning.canvases import Example, Recipe, draw_example
from finetuning.checkpoint import save_merged
from finetuning.objective import losses
from finetuning.sources import Corpus, cut, read_corpus
from finetuning.training import Plan, Tuned, train
from tests.tiny import SPECIALS, TURNS, WINDOW, save_tiny

CODE = {
    "shapes.py": "class Square:\n    def __init__(self, side):\n        self.side = side\n\n    def area(self):\n"
    "        return self.side * self.side\n",
    "stock/count.py": "import os\n\n\ndef count(items):\n    total = 0\n    for item in items:\n        total += item\n"
    "    return total\n",
}
CPU = with_settings(Settings(), {"device": "cpu"})
CONTEXT = 48  # bytes before the gap for the tiny model: more than its window


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, text in CODE.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with uniform noise, experts and self-conditioning."""
    return save_tiny(tmp_path_factory.mktemp("tiny"))


def tuned_from(folder: Path, rank: int = 2, context_tokens: int = CONTEXT) -> Tuned:
    loaded = load_model(folder, CPU)
    facts = read_facts(folder, Settings(context_tokens=context_tokens))
    tokens = read_tokens(folder, loaded.config.get_text_config().vocab_size)
    return Tuned(Gemma(loaded), tokens, facts, adapted(loaded, rank, seed=0))


def plan(folder: Path, steps: int) -> Plan:
    return Plan(folder, steps, Recipe(canvas=32, n_rows=2), batch=2, lr=1e-2, save_every=2)


def examples(tuned: Tuned, corpus: Corpus, n: int = 6, canvas: int = 32) -> list[Example]:
    recipe = Recipe(canvas=canvas, n_rows=2)
    rng = random.Random(5)
    return [draw_example(corpus, tuned.tokens, tuned.facts, recipe, rng) for _ in range(n)]


@torch.no_grad()
def mean_loss(model: Gemma, tuned: Tuned, found: list[Example]) -> float:
    return sum(float(losses(model, one, banned_mask(tuned.tokens), conditioned=False)[0]) for one in found) / len(found)


@torch.no_grad()
def logits_of(loaded: Any, example: Example) -> Tensor:
    """Of both stacks, by transformers' own forward pass."""
    canvas = example.noised[:1]
    seen = loaded(input_ids=example.prefix[None], decoder_input_ids=canvas)
    return torch.cat([seen.logits[0], loaded.lm_head(seen.encoder_last_hidden_state)[0]])


def frozen(loaded: Any) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in loaded.state_dict().items() if "lora" not in name}


def test_the_bundled_model_learns_and_the_merged_folder_fills(data: Path, tmp_path: Path) -> None:
    steps = "--steps 12 --batch 2 --rows 2 --lr 5e-3 --rank 4 --device cpu --merge"
    assert main(["--data", str(data), "--out", str(tmp_path), *steps.split()]) == 0
    before, after = (tuned_from(folder, context_tokens=0) for folder in (BUNDLED, tmp_path))
    found = examples(before, read_corpus([data]), canvas=64)
    assert mean_loss(after.model, before, found) < mean_loss(before.model, before, found) - 0.1
    assert after.facts == before.facts
    filler = load_filler(with_settings(Settings(), {"model": str(tmp_path), "device": "cpu"}))
    text = "def count(items):\n    total = "
    assert list(filler.drafts(prompt(gap_at(Document(text), len(text)), 1000)))[-1].candidates
    names = {"adapter_config.json", "adapter_model.safetensors", "curve.csv", "state.pt"}
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == names


def test_training_changes_the_adapters_alone(tiny: Path, data: Path, tmp_path: Path) -> None:
    tuned, corpus = tuned_from(tiny), read_corpus([data])
    before, first = frozen(tuned.peft.get_base_model()), [weight.clone() for weight in trained(tuned.peft)]
    found = examples(tuned, corpus)
    untrained = mean_loss(tuned.model, tuned, found)
    train(tuned, corpus, plan(tmp_path, 12), say=lambda _: None)
    after = frozen(tuned.peft.get_base_model())
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(torch.equal(old, new) for old, new in zip(first, trained(tuned.peft), strict=True))
    assert mean_loss(tuned.model, tuned, found) < untrained


def test_attention_and_dense_mlp_of_every_layer_are_adapted_once_for_both_stacks(tiny: Path) -> None:
    loaded = tuned_from(tiny).peft.get_base_model()
    adapters = {name: layer for name, layer in loaded.named_modules() if isinstance(layer, LoraLayer)}
    kinds = {name.rpartition(".")[2] for name in adapters}
    assert kinds == {f"{part}_proj" for part in ("q", "k", "v", "o", "gate", "up", "down")}
    assert not any("experts" in name or "vision" in name or "conditioning" in name for name in adapters)
    n_layers = 3
    assert len(adapters) == 2 * (7 * n_layers - 1)  # the full layer has no v_proj
    for name, layer in adapters.items():
        twin = adapters[name.replace("model.decoder", "model.encoder.language_model")]
        assert twin.lora_A is layer.lora_A
        assert twin.lora_B is layer.lora_B


def test_the_merged_model_is_the_adapted_one_and_stays_tied(tiny: Path, data: Path, tmp_path: Path) -> None:
    tuned, corpus = tuned_from(tiny), read_corpus([data])
    example = examples(tuned, corpus, 1)[0]
    plain = logits_of(tuned.peft.get_base_model(), example)
    train(tuned, corpus, plan(tmp_path / "run", 4), say=lambda _: None)
    expected = logits_of(tuned.peft.get_base_model(), example)
    assert (plain - expected).abs().max() > 0.01
    found = merged(tuned.peft)
    assert (logits_of(found, example) - expected).abs().max() < 1e-4
    save_merged(found, tiny, tmp_path / "merged")
    reloaded = load_model(tmp_path / "merged", CPU)
    assert (logits_of(reloaded, example) - expected).abs().max() < 1e-4
    assert not any("lora" in name for name, _ in reloaded.named_parameters())
    for name, weight in reloaded.model.decoder.layers.named_parameters():
        assert reloaded.model.encoder.language_model.layers.get_parameter(name) is weight
    again = read_adapter(load_model(tiny, CPU), tmp_path / "run")
    assert (logits_of(again.get_base_model(), example) - expected).abs().max() < 1e-5


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(tiny: Path, data: Path, tmp_path: Path) -> None:
    corpus = read_corpus([data])
    whole, cut_off, resumed = (tuned_from(tiny) for _ in range(3))
    train(whole, corpus, plan(tmp_path / "whole", 4), say=lambda _: None)

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt):
        train(cut_off, corpus, plan(tmp_path / "cut", 4), say=interrupt)
    train(resumed, corpus, plan(tmp_path / "cut", 4), resume=True, say=lambda _: None)
    for one, other in zip(trained(whole.peft), trained(resumed.peft), strict=True):
        assert torch.equal(one, other)
    curves = [csv.DictReader((tmp_path / name / "curve.csv").read_text().splitlines()) for name in ("whole", "cut")]
    whole_rows, cut_rows = ([(row["step"], row["gap"]) for row in curve] for curve in curves)
    assert whole_rows == cut_rows
    assert [step for step, _ in cut_rows] == ["2", "4"]


@pytest.mark.parametrize("conditioned", [False, True])
def test_the_loss_is_that_of_transformers_forward_pass(tiny: Path, data: Path, *, conditioned: bool) -> None:
    tuned = tuned_from(tiny)
    example = max(examples(tuned, read_corpus([data])), key=lambda one: len(one.prefix))
    assert len(example.prefix) > WINDOW
    loaded = tuned.peft.get_base_model()
    rows = len(example.noised)
    with torch.no_grad():
        ids = example.prefix.expand(rows, -1)
        seen = loaded(input_ids=ids, decoder_input_ids=example.noised)
        causal = loaded.lm_head(seen.encoder_last_hidden_state)[0]
        if conditioned:
            known = functional.one_hot(example.noised, tuned.tokens.vocab_size) * 2e4 - 1e4
            guess = seen.logits.masked_fill(banned_mask(tuned.tokens), -torch.inf)
            signal = torch.where(example.asked[..., None], guess, known)
            seen = loaded(input_ids=ids, decoder_input_ids=example.noised, self_conditioning_logits=signal)
        gap, prefix = losses(tuned.model, example, banned_mask(tuned.tokens), conditioned=conditioned)
    theirs = functional.cross_entropy(seen.logits[example.asked], example.clean[example.asked])
    assert float(gap) == pytest.approx(float(theirs), abs=1e-4)
    softcap = loaded.final_logit_softcapping
    causal = torch.tanh(causal[example.read] / softcap) * softcap
    expected = functional.cross_entropy(causal, example.prefix[example.read + 1])
    assert float(prefix) == pytest.approx(float(expected), abs=1e-4)


def test_the_canvas_sends_its_gradient_into_the_prefix(tiny: Path, data: Path) -> None:
    tuned = tuned_from(tiny)
    example = examples(tuned, read_corpus([data]), 1)[0]
    embedded: list[Tensor] = []
    table = tuned.peft.get_base_model().model.encoder.language_model.embed_tokens
    table.register_forward_hook(lambda _module, _given, out: embedded.append(out.requires_grad_()))
    gap, _ = losses(tuned.model, example, banned_mask(tuned.tokens), conditioned=False)
    (gradient,) = torch.autograd.grad(gap, embedded)
    assert (gradient.abs().amax(-1) > 0).all()


def vocabulary(folder: Path) -> tuple[Tokens, Facts]:
    return read_tokens(folder, 300), read_facts(folder, Settings(context_tokens=CONTEXT))


@pytest.mark.parametrize("noise_id", [None, 3])
def test_an_example_hides_text_of_the_gaps_alone(tiny: Path, data: Path, noise_id: int | None) -> None:
    tokens, facts = vocabulary(tiny)
    corpus, rng = read_corpus([data]), random.Random(0)
    for _ in range(50):
        one = draw_example(corpus, tokens, replace(facts, noise_id=noise_id), Recipe(canvas=32), rng)
        hidden = one.noised != one.clean
        assert one.asked.any(-1).all()
        assert not (hidden & ~one.asked).any()
        assert not banned_mask(tokens)[one.clean[one.asked]].any()
        assert noise_id is None or bool((one.noised[one.asked] == noise_id).all())
        assert one.prefix[0] == tokens.id_of("<bos>")
        text = "".join(tokens.pieces([*one.prefix[1:].tolist(), *one.clean[0].tolist()]))
        assert any(text.removeprefix("\n") in code for code in CODE.values())


def test_a_vocabulary_with_turns_is_asked_in_turns(data: Path, tmp_path: Path) -> None:
    tokens, facts = vocabulary(save_tiny(tmp_path, SPECIALS + TURNS))
    corpus, rng = read_corpus([data]), random.Random(0)
    for _ in range(50):
        one = draw_example(corpus, tokens, facts, Recipe(canvas=32), rng)
        assert one.prefix.tolist().count(tokens.id_of("<|turn>")) == 2
        assert not banned_mask(tokens)[one.clean[one.asked]].any()


def test_gaps_are_cut_where_there_is_text() -> None:
    document = Document("\n\nimport os\n\n    x = 1   \n\n")
    for seed in range(200):
        gap = cut(document, random.Random(seed))
        truth = document.text[gap.start : gap.end]
        assert truth.strip()
        assert truth == truth.rstrip()
        assert not gap.prefix or gap.prefix[-1] in "\n " or "\n" not in truth


def test_hidden_folders_and_unreadable_files_are_left_out(tmp_path: Path) -> None:
    for name in ("a.py", ".venv/b.py", "lib/site-packages/c.py", "empty.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("" if name == "empty.py" else "x = 1\n")
    (tmp_path / "latin.py").write_bytes(b"# \xe9t\xe9\n")
    assert [document.name for document in read_corpus([tmp_path]).documents] == ["a.py"]


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("--data {out}", 1, "there is no Python file with UTF-8 text"),
        ("--data {out}/missing", 1, "there is no file or folder"),
        ("--data {data} --model /missing", 1, "there is no model folder"),
        ("--data {data} --canvas 128", 2, "a canvas of 128 tokens"),
        ("--data {data} --canvas 8 --resume", 2, "holds no run to resume"),
        ("--data {data} --context-tokens -1", 2, "context_tokens"),
        ("--data {data} --out {data}/shapes.py", 2, "cannot be written"),
        ("--data {data} --model {tiny} --out {tiny}", 2, "is the folder of the model itself"),
        ("--data {data} --lr 1e30 --rank 1 --batch 1 --steps 3", 1, "is not a number"),
    ],
)
def test_bad_input_is_one_line(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, code: int, said: str
) -> None:
    words = given.format(data=data, tiny=tiny, out=tmp_path).split()
    assert main(["--out", str(tmp_path), "--steps", "1", "--device", "cpu", *words]) == code
    found = capsys.readouterr().err
    assert found.startswith("finetune: ")
    assert said in found
    assert found.count("\n") == 1


def test_a_run_is_neither_overwritten_nor_mixed_up(
    tiny: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = (
        f"--model {tiny} --data {data} --out {tmp_path} --device cpu --steps 1 --canvas 32 --context-tokens 32 --rank"
    )
    words = given.split()
    assert main([*words, "2"]) == 0
    assert main([*words, "2"]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert main([*words, "3", "--resume"]) == 2
    assert "another model or rank" in capsys.readouterr().err


def test_a_saved_adapter_replaces_nothing_of_the_model(tiny: Path, tmp_path: Path) -> None:
    peft = tuned_from(tiny).peft
    save_adapter(peft, tmp_path)
    again = read_adapter(load_model(tiny, CPU), tmp_path)
    before, after = frozen(peft.get_base_model()), frozen(again.get_base_model())
    assert all(torch.equal(before[name], after[name]) for name in before)
