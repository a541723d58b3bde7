"""Files of torch.save, each beside a safetensors file of the same tensors under the names they should have."""

import collections
import os

from common import fresh_folder, randn, save_tensors

import torch


def module(name):
    """A small network; its state_dict() is an OrderedDict with `_metadata`."""
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(randn(value.shape, name, key))
    return network


def dtypes():
    numbers = torch.arange(6).reshape(2, 3) - 2
    tensors = {str(d).split(".")[1]: numbers.to(d) for d in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
        torch.int8, torch.bool)}
    tensors["uint8"] = numbers.abs().to(torch.uint8)
    tensors["scalar"] = torch.tensor(3.5)
    tensors["empty"] = torch.zeros(0, 4)
    return tensors, tensors


def views():
    base = randn((4, 6), "views")
    tensors = {
        "whole": base,  # all of these share one storage
        "row": base[2],
        "column": base[:, 1],
        "transposed": base.t(),
        "steps": base[1::2, ::3],
        "permuted": base.view(2, 2, 6).permute(2, 0, 1),
        "same": base,
        "one_column": base[:, 3:4],
        "position_ids": torch.arange(5).expand((1, -1)),  # a stride of no meaning
    }
    return tensors, tensors


def parameters():
    network = module("parameters")
    return {"direct": torch.nn.Parameter(randn((2, 2), "parameter")), "network": dict(network.named_parameters())}, {
        "direct": randn((2, 2), "parameter"), **{"network." + k: v for k, v in network.named_parameters()}}


def state_dict():
    state = module("state_dict").state_dict()
    return state, state


def lightning():
    """Beside the state_dict lies what a trainer keeps; only the state_dict counts."""
    network = module("lightning")
    optimiser = torch.optim.Adam(network.parameters())
    with torch.enable_grad():
        network(randn((5, 3), "lightning", "input")).sum().backward()
    optimiser.step()
    return {"epoch": 7, "global_step": 1 << 40, "pytorch-lightning_version": "1.9.0", "lr": 1e-4, "done": True,
            "seed": 1 << 90, "state_dict": network.state_dict(), "optimizer_states": [optimiser.state_dict()],
            "lr_schedulers": [], "hparams": None, "size": torch.Size([1, 2])}, network.state_dict()


def deepspeed():
    state = module("deepspeed").state_dict()
    wrapped = collections.OrderedDict(("_forward_module." + k, v) for k, v in state.items())
    return {"module": wrapped, "global_steps": 9}, state


def nested():
    a, b, c = (randn((2,), "nested", i) for i in range(3))
    return ({"level": {"deep": {"a": a}}, "list": [b, 5, (c, None)], "state": {0: {"exp_avg": a}}, "epoch": 3},
            {"level.deep.a": a, "list.0": b, "list.2.0": c, "state.0.exp_avg": a})


def many():
    """More than 256 memo entries, and a size above 8 bits."""
    tensors = {f"layer.{i}.weight": randn((1, 2), "many", i) for i in range(70)}
    tensors["wide"] = randn((1, 300), "wide")
    return tensors, tensors


def main():
    folder = fresh_folder("pytorch")
    for make in (dtypes, views, parameters, state_dict, lightning, deepspeed, nested, many):
        saved, expected = make()
        for protocol in (2, 4):
            torch.save(saved, os.path.join(folder, f"{make.__name__}_{protocol}.ckpt"), pickle_protocol=protocol)
        save_tensors(os.path.join(folder, make.__name__ + ".safetensors"), expected)


if __name__ == "__main__":
    main()
