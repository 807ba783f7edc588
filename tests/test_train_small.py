"""Training the small model: its parts, a run of a few seconds from corpus to folder, and the folder in transformers."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from transformers import DiffusionGemmaForBlockDiffusion

from dgls.diffusion.sampling import Kernel
from small import corpus
from small.batches import Batches, Shape
from small.corpus import Source
from small.data import SPLITS, Data, Wanted, load_data
from small.export import shipped, write_model
from small.fim import FimBatches
from small.gaps import CANVAS, PREFIX, cut_gaps, measure
from small.loss import CHUNK, head_loss
from small.net import Net
from small.noising import draw_gaps
from small.restore import read_net
from small.tokens import (
    BOS,
    EOS,
    MASK,
    MIDDLE_MARK,
    N_SPECIAL,
    PAD,
    PREFIX_MARK,
    SPECIAL_TOKENS,
    SUFFIX_MARK,
    load_tokenizer,
)
from small.training import net_of
from train_small import TINY_SHAPE, TINY_SIZE, main


@dataclass(frozen=True)
class Run:
    """A finished tiny run."""

    work: Path
    out: Path

    def state(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = torch.load(self.work / name, weights_only=True)
        return found

    def net(self) -> Net:
        return shipped(net_of(self.state("final.pt")))

    def data(self) -> Data:
        return load_data(self.work / "corpus", Wanted(TINY_SIZE.vocab))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    work, out = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("out")
    n_threads = torch.get_num_threads()
    main(["--tiny", "--minutes", "0.08", "--work", str(work), "--out", str(out)])
    yield Run(work, out)
    torch.set_num_threads(n_threads)


def test_a_run_writes_a_whole_folder(run: Run) -> None:
    names = "MODEL_CARD.md config.json curve.csv generation_config.json model.safetensors tokenizer.json"
    assert sorted(path.name for path in run.out.iterdir()) == names.split()
    card = (run.out / "MODEL_CARD.md").read_text()
    assert "PSF-2.0" in card
    assert "left to right" in card
    assert json.loads((run.out / "config.json").read_text())["dgls"]["noise_token_id"] == MASK


def test_transformers_loads_every_weight_and_no_other(run: Run) -> None:
    _, info = DiffusionGemmaForBlockDiffusion.from_pretrained(run.out, output_loading_info=True)
    assert not any(info.values()), info


def test_transformers_computes_our_logits(run: Run, tmp_path: Path) -> None:
    net = run.net()
    write_model(net, tmp_path, TINY_SHAPE)
    model = DiffusionGemmaForBlockDiffusion.from_pretrained(tmp_path, dtype=torch.float32).eval()
    data = run.data()
    gaps = cut_gaps(data.splits["train"], data.line_starts, 4)
    noised = gaps.canvases.masked_fill(gaps.inside, MASK)
    with torch.no_grad():
        encoded, decoded = net(gaps.prefixes, noised[:, None], gaps.starts[:, None], PREFIX)
        for i in range(len(gaps)):
            n = int(gaps.starts[i])
            theirs = model(input_ids=gaps.prefixes[i : i + 1, :n], decoder_input_ids=noised[i : i + 1])
            causal = model.lm_head(theirs.encoder_last_hidden_state)[0]
            assert (net.logits(encoded[i, :n]) - causal).abs().max() < 1e-3
            assert (net.logits(decoded[i, 0]) - theirs.logits[0]).abs().max() < 1e-3


def test_self_conditioning_changes_nothing(run: Run) -> None:
    model = DiffusionGemmaForBlockDiffusion.from_pretrained(run.out, dtype=torch.float32).eval()
    ids, canvas = torch.tensor([[BOS, 20, 21]]), torch.full((1, CANVAS), MASK)
    with torch.no_grad():
        plain = model(input_ids=ids, decoder_input_ids=canvas).logits
        fed = model(input_ids=ids, decoder_input_ids=canvas, self_conditioning_logits=torch.randn_like(plain)).logits
    assert torch.equal(plain, fed)


def test_a_resumed_run_goes_on_counting(run: Run, tmp_path: Path) -> None:
    stable = run.state("stable.pt")["progress"]
    (tmp_path / "corpus").symlink_to(run.work / "corpus")
    resume = ["--resume", str(run.work / "stable.pt"), "--no-export"]
    main(["--tiny", "--minutes", "0.02", "--work", str(tmp_path), *resume])
    resumed = torch.load(tmp_path / "final.pt", weights_only=True)["progress"]
    assert resumed["steps"] > stable["steps"] > 0
    assert resumed["tokens"] == resumed["steps"] * TINY_SHAPE.n_tokens
    assert stable["minutes"] < resumed["minutes"] < stable["minutes"] + 1


def test_the_losses_fall(run: Run) -> None:
    data = run.data()
    untrained = measure(Net(TINY_SIZE), cut_gaps(data.splits["dev"], data.line_starts, 24))
    with (run.out / "curve.csv").open(newline="") as file:
        *_, last = csv.DictReader(file)
    assert float(last["dev_ar"]) < untrained.ar
    assert float(last["dev_gap"]) < untrained.gap


def test_the_splits_share_no_file(run: Run) -> None:
    splits = run.data().splits
    names = [name for split in SPLITS for name in splits[split].names]
    assert len(names) == len(set(names))
    assert all(len(splits[split].names) for split in SPLITS)
    for split in SPLITS:
        packages = {name.split("/")[0] for name in splits[split].names}
        assert (split == "packages") == bool(packages & corpus.HELD_OUT_PACKAGES)


def test_a_copy_of_a_held_out_file_is_not_trained_on() -> None:
    text = "\n".join(f"value_{i} = compute({i})" for i in range(40))
    names = [f"module_{i}.py" for i in range(200)]
    held_out = next(name for name in names if corpus.split_of(Source("p", name, text)) == "dev")
    other = next(name for name in names if corpus.split_of(Source("p", name, text)) == "train")
    splits = corpus.split_sources([Source("p", other, text + "\nlast = 1"), Source("p", held_out, text)])
    assert [source.path for source in splits["dev"]] == [held_out]
    assert splits["train"] == []


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        ({"License-Expression": "MIT"}, "MIT"),
        ({"License-Expression": "BSD-3-Clause AND MIT"}, "BSD-3-Clause AND MIT"),
        ({"License-Expression": "MPL-2.0 AND MIT"}, None),
        ({"Classifier": "License :: OSI Approved :: Apache Software License"}, "Apache-2.0"),
        ({"License": "GPL-3.0", "Classifier": "License :: OSI Approved :: GNU General Public License (GPL)"}, None),
        ({"License": "see LICENSE"}, None),
        ({}, None),
    ],
)
def test_only_permissive_licences_are_accepted(fields: dict[str, str], accepted: str | None) -> None:
    from email.message import Message

    meta = Message()
    for name, value in fields.items():
        meta[name] = value
    assert corpus.accepted_licence(meta) == accepted  # type: ignore[arg-type]


_CODE = st.text(st.sampled_from("ab_1 \t\n\r.(=)'\"#é\x0c\u2028"), max_size=60)


@settings(deadline=None, max_examples=300)
@given(before=_CODE, after=_CODE)
def test_cutting_before_a_line_end_keeps_the_tokens(tokenizer_path: Path, before: str, after: str) -> None:
    tokenizer = load_tokenizer(tokenizer_path)
    ids = tokenizer.encode(before + "\n" + after).ids
    assert ids == tokenizer.encode(before).ids + tokenizer.encode("\n" + after).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == before + "\n" + after


@pytest.fixture(scope="module")
def tokenizer_path(run: Run) -> Path:
    return run.out / "tokenizer.json"


def test_special_tokens_have_fixed_ids_and_are_plain_text_in_code(run: Run) -> None:
    tokenizer = load_tokenizer(run.out / "tokenizer.json")
    assert [tokenizer.id_to_token(i) for i in range(N_SPECIAL)] == list(SPECIAL_TOKENS)
    assert SPECIAL_TOKENS[:4] == ("<pad>", "<eos>", "<bos>", "<mask>")
    assert min(tokenizer.encode("x = '<mask>'").ids) >= N_SPECIAL
    assert tokenizer.get_vocab_size() == TINY_SIZE.vocab


def test_a_batch_hides_only_text_and_asks_for_what_it_hides(run: Run) -> None:
    data = run.data()
    shape = Shape(n_windows=64)
    batch = Batches(data.splits["train"], data.line_starts, shape)[3]
    again = Batches(data.splits["train"], data.line_starts, shape)[3]
    assert torch.equal(batch.canvases, again.canvases)
    assert (batch.windows[:, 0] == BOS).all()
    assert (batch.starts + CANVAS <= shape.window).all()
    places = batch.starts[:, :, None] + torch.arange(CANVAS)
    clean = batch.windows[:, None].expand(-1, shape.n_canvases, -1).gather(2, places)
    hidden = batch.canvases == MASK
    assert torch.equal(torch.where(hidden, clean, batch.canvases), clean)
    assert torch.equal(batch.gap_targets, clean[hidden])
    assert (batch.gap_targets >= N_SPECIAL).all()
    assert torch.equal(batch.gap_rows, hidden.flatten().nonzero().flatten() + batch.windows.numel())
    assert torch.equal(batch.ar_targets, batch.windows.flatten()[batch.ar_rows + 1])
    assert (batch.windows == EOS).any()


@pytest.mark.parametrize("kernel", list(Kernel))
def test_each_kernel_asks_for_what_it_hides(run: Run, kernel: Kernel) -> None:
    data = run.data()
    shape = Shape(n_windows=64)
    batch = Batches(data.splits["train"], data.line_starts, shape, kernel=kernel)[3]
    places = batch.starts[:, :, None] + torch.arange(CANVAS)
    clean = batch.windows[:, None].expand(-1, shape.n_canvases, -1).gather(2, places).flatten()
    seen = batch.canvases.flatten()
    asked = torch.zeros_like(clean, dtype=torch.bool)
    asked[batch.gap_rows - batch.windows.numel()] = True
    assert torch.equal(batch.gap_targets, clean[asked])
    assert torch.equal(seen[~asked], clean[~asked])
    masked, random = seen == MASK, (seen != MASK) & (seen != clean)
    assert bool(masked.any()) == (kernel != "uniform")
    assert bool(random.any()) == (kernel != "absorbing")
    assert bool((asked & (seen == clean)).any()) == (kernel != "absorbing")


def test_a_window_of_the_twin_is_suffix_prefix_middle(run: Run) -> None:
    data = run.data()
    shape = Shape(n_windows=64, n_canvases=0)
    batch = FimBatches(data.splits["train"], data.line_starts, shape)[3]
    rows = torch.zeros(batch.windows.numel(), dtype=torch.long)
    rows[batch.ar_rows] = 1
    rows[batch.gap_rows] = 2
    texts = ["".join(map(chr, ids.tolist())) for ids in data.splits["train"]]
    n_moved, middles = 0, []
    for window, row in zip(batch.windows.tolist(), rows.view(64, -1).tolist(), strict=True):
        n_filled = sum(token != PAD for token in window)
        assert [kind > 0 for kind in row] == [place < n_filled - 1 for place in range(shape.window)]
        if PREFIX_MARK not in window:
            assert 2 not in row
            continue
        n_moved += 1
        assert window[:2] == [BOS, SUFFIX_MARK]
        assert window[n_filled - 1] == EOS
        mark, middle = window.index(PREFIX_MARK), window.index(MIDDLE_MARK)
        whole = window[mark + 1 : middle] + window[middle + 1 : n_filled - 1] + window[2:mark]
        assert any("".join(map(chr, whole)) in text for text in texts)
        middles += window[row.index(2) + 1 : n_filled]
        assert row.index(2) - middle in (0, 1)  # 0 where there is no prefix
    assert 48 <= n_moved < 64
    assert batch.gap_targets.tolist() == middles
    assert torch.equal(batch.ar_targets, batch.windows.flatten()[batch.ar_rows + 1])


def test_the_twin_is_trained_and_exported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "corpus").symlink_to(run.work / "corpus")
    main(["--tiny", "--twin", "--steps", "12", "--work", str(tmp_path), "--out", str(tmp_path / "out")])
    with (tmp_path / "curve.csv").open(newline="") as file:
        *_, last = csv.DictReader(file)
    assert int(last["steps"]) == 12
    assert float(last["dev_gap"]) < math.log(TINY_SIZE.vocab) + 2
    _, info = DiffusionGemmaForBlockDiffusion.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(info.values()), info


def test_training_goes_on_from_an_exported_folder(run: Run, tmp_path: Path) -> None:
    ours, theirs = read_net(run.out).state_dict(), run.net().state_dict()
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())
    source = ["--from", str(run.out), "--noise", "mixed", "--steps", "3", "--gaps", "0"]
    main(["--tiny", *source, "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")])
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (run.out / "tokenizer.json").read_bytes()
    before, after = ((folder / "curve.csv").read_text().splitlines() for folder in (run.out, tmp_path / "out"))
    assert after[: len(before)] == before
    assert int(after[-1].split(",")[1]) == int(before[-1].split(",")[1]) + 3
    said = json.loads((tmp_path / "out" / "config.json").read_text())["dgls"]
    assert (said["noise"], said["noise_token_id"]) == ("mixed", MASK)


def test_the_card_of_an_exported_model_is_written_anew(run: Run, tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    (work / "evaluation").mkdir(parents=True)
    (work / "evaluation" / "10-lines.md").write_text("All about lines.\n")
    (work / "corpus").symlink_to(run.work / "corpus")
    main(["--tiny", "--export", str(run.out), "--minutes", "7", "--gaps", "0", "--work", str(work), "--out", str(out)])
    card = (out / "MODEL_CARD.md").read_text()
    assert "python scripts/train_small.py --minutes 7\n" in card
    assert "All about lines.\n\n### The network alone" in card
    assert card.count("⟦") == 6  # five examples, and a sentence that says what it means
    assert (out / "model.safetensors").read_bytes() == (run.out / "model.safetensors").read_bytes()


def test_a_large_model_is_written_in_shards(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("small.export.MAX_SHARD_BYTES", 40_000)
    write_model(run.net(), tmp_path, TINY_SHAPE)
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    assert all(path.stat().st_size < 50_000 for path in shards)
    _, info = DiffusionGemmaForBlockDiffusion.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    restored, shipped = read_net(tmp_path).state_dict(), run.net().state_dict()
    assert all(torch.equal(restored[name], tensor) for name, tensor in shipped.items())


def test_windows_begin_at_the_start_of_a_line(run: Run) -> None:
    data = run.data()
    batch = Batches(data.splits["train"], data.line_starts, Shape(n_windows=64))[0]
    tokenizer = data.tokenizer
    files = [tokenizer.decode(ids.tolist()) for ids in data.splits["train"]]
    for window in batch.windows.tolist():
        text = tokenizer.decode([i for i in window if i >= N_SPECIAL])
        assert text.startswith("\n") or any(file.startswith(text) or "\n" + text in file for file in files)


def test_gaps_are_apart_and_within_the_text() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        gaps = draw_gaps(50, [10, 20, 30], rng)
        flat = [place for gap in gaps for place in gap]
        assert flat == sorted(set(flat))
        assert 0 <= flat[0] <= 12
        assert flat[-1] <= 50


def test_the_chunked_loss_is_the_cross_entropy() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(2 * CHUNK, 16, requires_grad=True)
    embedding = torch.randn(99, 16, requires_grad=True)
    targets, weights = torch.randint(99, (2 * CHUNK,)), torch.rand(2 * CHUNK)
    ours, each = head_loss(hidden, embedding, (targets, weights), compiled=False)
    plain = (functional.cross_entropy(hidden @ embedding.T, targets, reduction="none") * weights).sum()
    by_ours = torch.autograd.grad(ours, (hidden, embedding))
    by_plain = torch.autograd.grad(plain, (hidden, embedding))
    assert torch.allclose(ours, plain)
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(by_ours, by_plain, strict=True))
    assert len(each) == 2 * CHUNK
