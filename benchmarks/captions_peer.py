"""transformers as a captioner, for compare_captions.py: captions pictures in batches, tells times and texts as JSON."""
import argparse
import json
import os
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("pictures", nargs="+")
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--dtype", default="f32")
parser.add_argument("--new-tokens", type=int, default=64)
parser.add_argument("--forced", action="store_true", help="no end before --new-tokens")
parser.add_argument("--prompt", required=True)
options = parser.parse_args()
began = float(os.environ["BENCHMARK_START"])

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from transformers import AutoProcessor, LlavaForConditionalGeneration  # noqa: E402

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[options.dtype]
processor = AutoProcessor.from_pretrained(options.model)
processor.tokenizer.padding_side = "left"
model = LlavaForConditionalGeneration.from_pretrained(options.model, dtype=dtype).eval()
text = processor.apply_chat_template(
    [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": options.prompt}]}], add_generation_prompt=True)
loaded = time.monotonic()
more = {"min_new_tokens": options.new_tokens} if options.forced else {}
texts, first, tokens = [], None, 0
with torch.inference_mode():
    for i in range(0, len(options.pictures), options.batch):
        names = options.pictures[i:i + options.batch]
        inputs = processor(text=[text] * len(names), images=[Image.open(n).convert("RGB") for n in names], return_tensors="pt")
        inputs["pixel_values"] = inputs["pixel_values"].to(dtype)
        out = model.generate(**inputs, max_new_tokens=options.new_tokens, do_sample=False, **more)
        out = out[:, inputs["input_ids"].shape[1]:]
        pad = processor.tokenizer.pad_token_id
        tokens += int((out != pad).sum())
        texts += [t.strip() for t in processor.batch_decode(out, skip_special_tokens=True)]
        first = first or time.monotonic()
json.dump({"load_s": loaded - began, "first_s": first - began, "caption_s": time.monotonic() - loaded, "tokens": tokens,
           "texts": texts}, sys.stdout)
