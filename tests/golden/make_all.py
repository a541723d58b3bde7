"""Runs every generator, in the order of their dependencies."""

import make_clip_text
import make_open_clip_text
import make_pytorch
import make_vae
import make_unet_motion
import make_unet_3d
import make_lvdm
import make_llava
import make_lora  # reads cases of clip_text and unet_motion
import make_schedulers
import make_tokenizer
import check_tokenizer
import make_llama_tokenizers  # make_sentencepiece.py needs transformers 4 and is run by itself
import make_chat_templates
import make_captions  # reads chat_templates, stills and tokenizer_corpus.txt
import make_jinja
import make_pipelines
import make_world  # reads assets/training/world.py
import make_still_scenes  # reads assets/training/captioner

for module in (make_clip_text, make_open_clip_text, make_pytorch, make_vae, make_unet_motion, make_unet_3d, make_lvdm,
               make_llava, make_lora, make_schedulers, make_tokenizer, check_tokenizer, make_llama_tokenizers,
               make_chat_templates, make_captions, make_jinja, make_pipelines, make_world, make_still_scenes):
    print("==", module.__name__)
    module.main()
