"""Weights in 10 bits a value, to carry a checkpoint where little may travel: as a start of training, not to keep."""
import argparse
import pathlib

import torch
from safetensors.torch import load_file, save_file

from weights import load_weights


def pack(weights):
    """Matrices as integers of 10 bits with a scale a row; everything else as it is."""
    packed = {}
    for name, w in weights.items():
        if w.dim() < 2 or w.numel() < 4096 or w.numel() % 4:
            packed[name] = w.contiguous()
            continue
        rows = w.float().flatten(1)
        scale = rows.abs().amax(1, keepdim=True).clamp(min=1e-12) / 511
        q = ((rows / scale).round().int() + 512).flatten()
        low = (q & 3).view(-1, 4)
        packed[name + "#high"] = (q >> 2).to(torch.uint8).view(w.shape)
        packed[name + "#low"] = (low[:, 0] | low[:, 1] << 2 | low[:, 2] << 4 | low[:, 3] << 6).to(torch.uint8)
        packed[name + "#scale"] = scale.squeeze(1)
    return packed


def unpack(packed):
    weights = {k: v for k, v in packed.items() if "#" not in k}
    for name in [k.removesuffix("#high") for k in packed if k.endswith("#high")]:
        high, low = packed[name + "#high"], packed[name + "#low"].int()
        low = torch.stack([low & 3, low >> 2 & 3, low >> 4 & 3, low >> 6 & 3], 1).flatten()
        q = (high.int().flatten() << 2 | low) - 512
        scale = packed[name + "#scale"]
        weights[name] = (q.view(len(scale), -1).float() * scale[:, None]).view(high.shape)
    return weights


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=pathlib.Path, help="exported checkpoint or folder of shards")
    parser.add_argument("target", type=pathlib.Path, help="folder for packed.safetensors")
    args = parser.parse_args()
    groups = load_weights(args.source)
    args.target.mkdir(parents=True, exist_ok=True)
    packed = {f"unet.{k}": v for k, v in pack(groups["unet"]).items()}
    packed |= {f"{g}.{k}": v.contiguous() for g in ("vae", "text_encoder") for k, v in groups[g].items()}
    save_file(packed, args.target / "packed.safetensors")
    again = unpack(load_file(args.target / "packed.safetensors"))
    error = max(((again[f"unet.{k}"] - v.float()).norm() / (v.float().norm() + 1e-12)).item()
                for k, v in groups["unet"].items())
    print(f"largest relative error of a tensor {error:.4f}, bytes {(args.target / 'packed.safetensors').stat().st_size}")


if __name__ == "__main__":
    main()
