"""Image processors of vision models: what transformers' PIL backend makes of odd pictures, and Pillow's resize."""

import os

import numpy as np
from PIL import Image

from common import ROOT, fresh_folder, generator, save_tensors, write_json

import torch
from transformers import AutoImageProcessor

# (height, width): a row, a column, strips, a dot, odd and even sides, smaller and larger than the results.
SIZES = [(1, 40), (40, 1), (5, 97), (97, 5), (1, 1), (13, 9), (33, 33), (64, 48), (101, 150)]

CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
        "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "rescale_factor": 0.00392156862745098}

# name: (file, settings)
CASES = {
    # as llava-hf/llava-1.5-7b-hf
    "clip": {**CLIP, "image_processor_type": "CLIPImageProcessor", "do_resize": True, "size": {"shortest_edge": 30},
             "resample": 3, "do_center_crop": True, "crop_size": {"height": 30, "width": 30}},
    # the crop is larger than what is resized: black around it
    "clip_wide_crop": {**CLIP, "image_processor_type": "CLIPImageProcessor", "do_resize": True,
                       "size": {"shortest_edge": 20}, "resample": 2, "do_center_crop": True,
                       "crop_size": {"height": 31, "width": 26}},
    # numbers instead of objects, the oldest names
    "clip_old": {"feature_extractor_type": "CLIPFeatureExtractor", "do_resize": True, "size": 25, "resample": 3,
                 "do_center_crop": True, "crop_size": 23, "do_normalize": True, "image_mean": CLIP["image_mean"],
                 "image_std": CLIP["image_std"]},
    "clip_no_crop": {**CLIP, "image_processor_type": "CLIPImageProcessorFast", "do_resize": True,
                     "size": {"shortest_edge": 11}, "resample": 5, "do_center_crop": False},
    "clip_no_resize": {**CLIP, "image_processor_type": "CLIPImageProcessor", "do_resize": False, "do_rescale": False,
                       "do_center_crop": True, "crop_size": {"height": 29, "width": 29}},
    "llava_pad": {**CLIP, "image_processor_type": "LlavaImageProcessor", "do_pad": True, "do_resize": True,
                  "size": {"shortest_edge": 24}, "resample": 3, "do_center_crop": True,
                  "crop_size": {"height": 24, "width": 24}},
    "llava_pad_lanczos": {"image_processor_type": "LlavaImageProcessorFast", "do_pad": True, "resample": 1,
                          "size": {"height": 28, "width": 22}, "do_center_crop": False, "image_mean": [0.1, 0.999, 0.5],
                          "image_std": [0.2, 0.3, 0.4]},
    "siglip": {"image_processor_type": "SiglipImageProcessor", "size": {"height": 27, "width": 27}, "resample": 3},
    "siglip_box": {"image_processor_type": "SiglipImageProcessor", "size": [19, 41], "resample": 4, "image_mean": 0.25,
                   "image_std": 2.0, "rescale_factor": 0.0078431372549},
    "siglip_nearest": {"image_processor_type": "SiglipImageProcessorFast", "size": 21, "default_to_square": True,
                       "resample": 0, "do_normalize": False},
}
NESTED = {"llava_pad_lanczos"}  # as transformers 5 writes it, in processor_config.json
# Pillow's resize of each picture: (filter, height, width).
RESIZES = [(filter, *size) for filter in range(6) for size in [(17, 23), (1, 1), (40, 3)]]


def picture(height, width):
    """Smooth shapes under noise, with black and white runs so that filters overshoot."""
    g = generator("image_processors", height, width)
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 7 + c) * np.cos(y / 5 - c) for c in range(3)], -1) * 90 + 128
    noise = torch.randn((height, width, 3), generator=g).numpy() * 25
    edges = ((x // 6 + y // 9) % 3 == 0)[..., None] * 300 - ((x // 4 + y // 11) % 4 == 0)[..., None] * 300
    return np.clip(waves + noise + edges, 0, 255).astype(np.uint8)


def padded(image, colour):
    """What the original LLaVA does for `image_aspect_ratio: pad`."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def main():
    pictures = {f"{h}x{w}": picture(h, w) for h, w in SIZES}
    folder = fresh_folder("image_processors")
    goldens = {name: torch.from_numpy(pixels) for name, pixels in pictures.items()}
    for name, pixels in pictures.items():
        if min(pixels.shape[:2]) > 60:
            continue  # their resizes are in the cases
        for filter, height, width in RESIZES:
            resized = Image.fromarray(pixels).resize((width, height), filter)
            goldens[f"{name}/expected_{filter}_{height}x{width}"] = torch.from_numpy(np.array(resized))
    save_tensors(os.path.join(folder, "pictures.safetensors"), goldens)
    for case, settings in CASES.items():
        place = fresh_folder("image_processors", case)
        if case in NESTED:
            write_json(os.path.join(place, "processor_config.json"),
                       {"image_processor": settings, "processor_class": "LlavaProcessor"})
        else:
            write_json(os.path.join(place, "preprocessor_config.json"), settings)
        processor = AutoImageProcessor.from_pretrained(place, backend="pil")
        assert type(processor).__name__.endswith("Pil"), type(processor)
        goldens = {}
        for name, pixels in pictures.items():
            image = Image.fromarray(pixels)
            values = processor(image, return_tensors="pt")["pixel_values"][0]
            goldens[f"{name}/expected_pixel_values"] = values.float()
            if case == "clip":
                square = padded(image, tuple(int(x * 255) for x in processor.image_mean))
                goldens[f"{name}/expected_padded"] = processor(square, return_tensors="pt")["pixel_values"][0]
        path = os.path.join(place, "golden.safetensors")
        save_tensors(path, goldens)
        print(case, type(processor).__name__, os.path.getsize(path) // 1000, "kB")


if __name__ == "__main__":
    main()
