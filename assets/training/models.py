"""The networks of emoji-animatediff, their tokenizer, and loading of saved weights."""
import json
import pathlib

from diffusers import AutoencoderKL, DDIMScheduler, UNetMotionModel
from transformers import CLIPTextConfig, CLIPTextModel

PROMPT_TOKENS = 32
LATENT_CHANNELS = 8
BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def byte_symbols():
    """GPT-2/CLIP's printable stand-ins for the 256 byte values, in CLIP's order."""
    kept = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    symbols, extra = [chr(b) for b in kept], 0
    for byte in range(256):
        if byte not in kept:
            symbols.append(chr(256 + extra))
            extra += 1
    return symbols


def split_word(word, ranks):
    """Byte pair encoding of one word: merge the pair of the lowest rank until none is left."""
    pieces = [*word[:-1], word[-1] + "</w>"]
    while True:
        pairs = [(ranks[pair], i) for i, pair in enumerate(zip(pieces, pieces[1:])) if pair in ranks]
        if not pairs:
            return pieces
        i = min(pairs)[1]
        pieces[i:i + 2] = [pieces[i] + pieces[i + 1]]


def build_bpe(words):
    """A CLIP byte-level BPE: every word of the world is one token, other text falls back to bytes.

    Words are taken in turn; while the merges so far leave a word in pieces, a merge of its first
    two pieces is appended. Later merges rank lower, so they never disturb the words before.
    """
    symbols = byte_symbols()
    vocabulary, ranks = symbols + [s + "</w>" for s in symbols], {}
    for word in sorted(words, key=lambda w: (len(w), w)):
        while len(pieces := split_word(word, ranks)) > 1:
            ranks[(pieces[0], pieces[1])] = len(ranks)
            vocabulary.append(pieces[0] + pieces[1])
    assert len(set(vocabulary)) == len(vocabulary)
    vocabulary += [BOS, EOS]
    return {token: i for i, token in enumerate(vocabulary)}, list(ranks)


class Tokens:
    """Prompts made of the world's words, spaces around every mark -> padded ids, as CLIPTokenizer makes them."""

    def __init__(self, words):
        self.vocabulary, self.merges = build_bpe(words)
        self.bos, self.eos = self.vocabulary[BOS], self.vocabulary[EOS]

    def __call__(self, prompts):
        rows = []
        for prompt in prompts:
            ids = [self.bos, *(self.vocabulary[w + "</w>"] for w in prompt.split()), self.eos]
            rows.append(ids + [self.eos] * (PROMPT_TOKENS - len(ids)))
        return rows


def make_vae():
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=LATENT_CHANNELS, sample_size=128,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32, 64, 96, 128), layers_per_block=1, norm_num_groups=16,
        mid_block_add_attention=False,  # keeps the autoencoder purely convolutional, and cheap
        scaling_factor=1.0,  # the latents' statistics are folded into the 1x1 convolutions
    )


def make_text_encoder(tokens):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokens.vocabulary), hidden_size=160, intermediate_size=640, num_hidden_layers=4,
        num_attention_heads=5, max_position_embeddings=PROMPT_TOKENS, projection_dim=160,
        hidden_act="quick_gelu", bos_token_id=tokens.bos, eos_token_id=tokens.eos, pad_token_id=tokens.eos,
    ))


def load_text_encoder(text_encoder, weights):
    """Loads weights without the prefix `text_model.` whichever way this transformers names them."""
    prefix = "text_model." if any(k.startswith("text_model.") for k in text_encoder.state_dict()) else ""
    text_encoder.load_state_dict({prefix + k: v for k, v in weights.items()})


def make_unet():
    channels = (96, 160, 192)
    heads = tuple(c // 32 for c in channels)
    return UNetMotionModel(
        sample_size=16, in_channels=LATENT_CHANNELS, out_channels=LATENT_CHANNELS,
        down_block_types=("CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion", "DownBlockMotion"),
        up_block_types=("UpBlockMotion", "CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion"),
        block_out_channels=channels, layers_per_block=1, cross_attention_dim=160, norm_num_groups=32,
        num_attention_heads=heads, motion_num_attention_heads=heads, motion_max_seq_length=32,
        use_motion_mid_block=True,
    )


def make_scheduler():
    """Terminal signal-to-noise ratio zero, so that a whole video's brightness is learned too."""
    return DDIMScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing",
        clip_sample=False, set_alpha_to_one=True, steps_offset=1,
    )


def save_tokenizer(words, folder):
    """Writes vocab.json and merges.txt and lets transformers write the rest from them."""
    from transformers import CLIPTokenizer
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, merges = build_bpe(words)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    text = "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges)
    (folder / "merges.txt").write_text(text, encoding="utf-8")
    special = {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": EOS}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer(vocabulary, merges, model_max_length=PROMPT_TOKENS, **special)
    tokenizer.save_pretrained(folder)  # tokenizer.json and tokenizer_config.json
    return tokenizer
