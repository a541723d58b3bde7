#!/usr/bin/env python3
"""Writes trained weights as a folder that diffusers.AnimateDiffPipeline.from_pretrained loads.

    python export.py --weights out --out ../checkpoints/emoji-animatediff --guidance 4
    python export.py --untrained --out /tmp/untrained      (same layout, random weights: for tests of loaders)
    python export.py --verify ../checkpoints/emoji-animatediff --picture sheet.png

--weights is a folder of model-*.safetensors from train_unet.py.
"""
import argparse
import json
import pathlib
import shutil

import torch
from diffusers import AnimateDiffPipeline
from safetensors.torch import load_file, save_file

import models
from sample import SHOWN
from weights import load_weights
from world import World, contact_sheet

SHARD = "14MB"


def build(weights, world):
    """The pipeline with fp16 networks; random ones if weights is None."""
    torch.manual_seed(0)
    tokens = models.Tokens(world.words())
    networks = {"vae": models.make_vae(), "text_encoder": models.make_text_encoder(tokens), "unet": models.make_unet()}
    if weights is not None:
        saved = load_weights(weights)
        models.load_text_encoder(networks["text_encoder"], saved["text_encoder"])
        for name in ("vae", "unet"):
            networks[name].load_state_dict(saved[name])
    for network in networks.values():
        network.half().eval()
    return networks, tokens


def export(args, world):
    networks, _ = build(args.weights, world)
    if args.out.exists():
        shutil.rmtree(args.out)
    args.out.mkdir(parents=True)
    tokenizer = models.save_tokenizer(world.words(), args.out / "tokenizer")
    pipeline = AnimateDiffPipeline(**networks, tokenizer=tokenizer, motion_adapter=None,
                                   scheduler=models.make_scheduler(), feature_extractor=None, image_encoder=None)
    pipeline.save_pretrained(args.out, safe_serialization=True, max_shard_size=SHARD)
    # The names that public CLIP checkpoints use, whatever this version of transformers writes.
    path = args.out / "text_encoder" / "model.safetensors"
    weights = {"text_model." + k.removeprefix("text_model."): v for k, v in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    # save_pretrained rewrites the tokenizer's folder; the two files of the slow format stay beside it.
    models.save_tokenizer(world.words(), args.out / "tokenizer")
    defaults = {"height": 128, "width": 128, "num_frames": 16, "num_inference_steps": args.steps,
                "guidance_scale": args.guidance, "fps": world.spec["frame"]["fps"],
                # reel says which words of a prompt are not among these, and what it names too many or too few of.
                "prompt_words": world.words(), "prompt_parts": world.sentences().parts()}
    (args.out / "generation_config.json").write_text(json.dumps(defaults, indent=2) + "\n", encoding="utf-8")


def verify(folder, world, picture):
    """Loads the folder as a user would, checks the prompt ids, and generates if a picture is asked for."""
    pipeline = AnimateDiffPipeline.from_pretrained(folder)  # fp16 files, computed in fp32 on a CPU
    pipeline.to(dtype=torch.float32)
    saved = load_weights(folder)["text_encoder"]  # a wrong name would leave random weights unnoticed
    for name, weight in pipeline.text_encoder.state_dict().items():
        assert torch.equal(saved[name.removeprefix("text_model.")].float(), weight), name
    captions = world.captions(world.scenes(256), loose=0.2)
    got = pipeline.tokenizer(captions, padding="max_length", max_length=pipeline.tokenizer.model_max_length).input_ids
    assert got == models.Tokens(world.words())(captions), "CLIPTokenizer and the training ids differ"
    files = [f for f in sorted(folder.rglob("*")) if f.is_file()]
    for f in files:
        print(f"{f.stat().st_size:>10} {f.relative_to(folder)}")
    count = {k: sum(p.numel() for p in getattr(pipeline, k).parameters()) for k in ("vae", "text_encoder", "unet")}
    print("bytes", sum(f.stat().st_size for f in files), "parameters", count, "in all", sum(count.values()))
    if picture:
        defaults = json.loads((folder / "generation_config.json").read_text())
        for key in ("fps", "prompt_words", "prompt_parts"):  # reel's own
            defaults.pop(key, None)
        pipeline.set_progress_bar_config(disable=True)
        rows = []
        for i, prompt in enumerate(SHOWN):
            generator = torch.Generator().manual_seed(i)
            rows.append(pipeline(prompt, generator=generator, output_type="pt", **defaults).frames[0] * 2 - 1)
        contact_sheet(torch.stack(rows), picture)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=pathlib.Path)
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--verify", type=pathlib.Path)
    parser.add_argument("--picture", type=pathlib.Path)
    args = parser.parse_args()
    world = World(seed=3)
    if args.out:
        if (args.weights is None) != args.untrained:
            parser.error("give either --weights or --untrained")
        export(args, world)
    if args.verify or args.out:
        verify(args.verify or args.out, world, args.picture)


if __name__ == "__main__":
    main()
