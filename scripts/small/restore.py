"""An exported model folder as a network again, to go on training from."""

import csv
import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from small.net import Net, Size
from small.tensors import weights
from small.training import Progress


def read_net(folder: Path) -> Net:
    """The network of a folder that `export` wrote, computing in fp32 with weights rounded as they were shipped."""
    text = json.loads((folder / "config.json").read_text())["text_config"]
    net = Net(
        Size(
            vocab=text["vocab_size"],
            hidden=text["hidden_size"],
            layers=text["num_hidden_layers"],
            mlp=text["intermediate_size"],
            heads=text["num_attention_heads"],
            kv_heads=text["num_key_value_heads"],
            head_dim=text["head_dim"],
        )
    )
    stored = {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}
    with torch.no_grad():
        for name, tensor in weights(net).items():  # views of the network's own parameters
            tensor.copy_(stored[name])
    return net


def read_progress(curve: Path) -> Progress:
    """How far training had come, by the last row of its curve."""
    with curve.open(newline="") as file:
        *_, last = csv.DictReader(file)
    return Progress(int(last["steps"]), int(last["tokens"]), float(last["minutes"]))
