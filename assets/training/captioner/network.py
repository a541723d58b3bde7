"""The captioner's networks (transformers' LLaVA), how they are trained, and greedy answers."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from transformers import CLIPVisionConfig, DynamicCache, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from pictures import PATCH

MEAN = (0.48145466, 0.4578275, 0.40821073)  # CLIP's
STD = (0.26862954, 0.26130258, 0.27577711)


def configuration(dialogue, side, small=False):
    width, layers, blocks = (64, 2, 3) if small else (256, 10, 6)
    return LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=width, intermediate_size=4 * width, num_hidden_layers=blocks, num_attention_heads=width // 64,
            image_size=side, patch_size=PATCH, projection_dim=width),
        text_config=LlamaConfig(
            vocab_size=dialogue.size, hidden_size=width, intermediate_size=width * 43 // 16, num_hidden_layers=layers,
            num_attention_heads=width // 32, num_key_value_heads=width // 32, max_position_embeddings=512,
            rms_norm_eps=1e-5, tie_word_embeddings=False,
            bos_token_id=dialogue.bos, eos_token_id=dialogue.eos, pad_token_id=dialogue.pad),
        image_token_index=dialogue.image, image_seq_length=(side // PATCH) ** 2, vision_feature_layer=-2,
        vision_feature_select_strategy="default", tie_word_embeddings=False)


def normalised(pictures, dtype=torch.float32):
    """8-bit pictures [n, 3, H, W] -> what the tower reads."""
    mean, std = (torch.tensor(v, device=pictures.device)[:, None, None] for v in (MEAN, STD))
    return ((pictures.float() / 255 - mean) / std).to(dtype)


class Positions:
    """Positions of a sequence with one picture: in reading order, or concentric (CCA: rings from the border inwards)."""

    def __init__(self, start, side, concentric, device):
        self.start, self.tokens, self.concentric, self.device = start, side * side, concentric, device
        i = torch.arange(side, device=device)
        rim = torch.minimum(i, side - 1 - i)
        ring = torch.minimum(rim[:, None], rim[None]).flatten()
        self.picture = ring if concentric else torch.arange(self.tokens, device=device)
        self.used = (side + 1) // 2 if concentric else self.tokens

    def sequence(self, after):
        """Positions [1, T] with `after` tokens behind the picture, and the mask [1, 1, T, T] (True: seen) or None."""
        p = torch.cat([torch.arange(self.start, device=self.device), self.start + self.picture,
                       self.start + self.used + torch.arange(after, device=self.device)])
        mask = (p[None, :] <= p[:, None])[None, None] if self.concentric else None
        return p[None], mask

    def following(self, length):
        """Position of the next token after `length` cached ones."""
        return torch.tensor([[length - self.tokens + self.used]], device=self.device)


class Captioner(nn.Module):
    """The model, and two heads on the tower's last layer that only training uses: the kind that each patch shows, and
    the kinds that the picture shows."""

    def __init__(self, config, dialogue, concentric, device):
        super().__init__()
        self.model = LlavaForConditionalGeneration(config)
        width, kinds = config.vision_config.hidden_size, len(dialogue.nouns)
        self.patch_head, self.picture_head = nn.Linear(width, kinds + 1), nn.Linear(width, kinds)
        self.to(device)
        self.tower, self.language = self.model.model.vision_tower, self.model.model.language_model
        self.projector = self.model.model.multi_modal_projector
        self.opening = torch.tensor(dialogue.opening, device=device)
        side = config.vision_config.image_size // PATCH
        self.positions = Positions(len(dialogue.opening), side, concentric, device)

    def parts(self):
        """Modules by part, for learning rates of their own."""
        return {"tower": [self.tower, self.patch_head, self.picture_head], "projector": [self.projector],
                "language": [self.language, self.model.lm_head]}

    # --- training: layers are called one by one, so that each is compiled once -------------------

    def look(self, pixels):
        """The tower's last two layers' outputs [n, 1 + patches, width]."""
        x = self.tower.pre_layrnorm(self.tower.embeddings(pixels))
        for layer in self.tower.encoder.layers:
            before, x = x, layer(x, attention_mask=None)
        return before, x

    def tower_loss(self, last, label, shown):
        patches = F.cross_entropy(self.patch_head(last[:, 1:]).float().flatten(0, 1), label.flatten())
        return patches + 4 * F.binary_cross_entropy_with_logits(self.picture_head(last[:, 0]).float(), shown)

    def read(self, x, positions, mask):
        rotary = self.language.rotary_emb(x, positions)
        for layer in self.language.layers:
            x = layer(x, attention_mask=mask, position_ids=positions, position_embeddings=rotary)
        return self.language.norm(x)

    def picture_loss(self, features, ids, labels):
        """Loss of the answers in ids [n, T], which follow the picture."""
        embed, n = self.language.embed_tokens, len(ids)
        x = torch.cat([embed(self.opening).expand(n, -1, -1), self.projector(features[:, 1:]), embed(ids)], 1)
        hidden = self.read(x, *self.positions.sequence(ids.shape[1]))
        logits = self.model.lm_head(hidden[:, -ids.shape[1]:-1]).float()
        return F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)

    def blind_loss(self, ids, labels):
        """Loss of a text without a picture."""
        positions = torch.arange(ids.shape[1], device=ids.device)[None]
        logits = self.model.lm_head(self.read(self.language.embed_tokens(ids), positions, None)[:, :-1]).float()
        return F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)

    # --- answers ------------------------------------------------------------------------------

    @torch.no_grad()
    def features(self, pictures):
        """Projected features [n, patches, width] of 8-bit pictures."""
        hidden = self.tower(normalised(pictures), output_hidden_states=True).hidden_states[-2]
        return self.projector(hidden[:, 1:])

    @torch.no_grad()
    def prefill(self, features, request, cache=None):
        """Logits of the next token [n, V] after opening, picture and request ids [n, T]."""
        embed, n = self.language.embed_tokens, len(request)
        x = torch.cat([embed(self.opening).expand(n, -1, -1), features, embed(request)], 1)
        positions, mask = self.positions.sequence(request.shape[1])
        if mask is not None:
            mask = torch.zeros(mask.shape, device=x.device).masked_fill(~mask, torch.finfo(x.dtype).min)
        hidden = self.language(inputs_embeds=x, position_ids=positions, attention_mask=mask, past_key_values=cache,
                               use_cache=cache is not None).last_hidden_state
        return self.model.lm_head(hidden[:, -1])

    @torch.no_grad()
    def answer(self, features, request, end, most=40):
        """Greedy answers: lists of ids up to the end token, and the mean log-probability of each."""
        cache, length = DynamicCache(), len(self.opening) + self.positions.tokens + request.shape[1]
        logits = self.prefill(features, request, cache)
        done = torch.zeros(len(request), dtype=torch.bool, device=request.device)
        ids, score, tokens = [], torch.zeros(len(request), device=request.device), 0
        for i in range(most):
            best, token = logits.log_softmax(-1).max(-1)
            score, tokens = score + torch.where(done, 0, best), tokens + (~done).long()
            ids.append(torch.where(done, end, token))
            done = done | (token == end)
            if i % 8 == 7 and bool(done.all()):
                break
            hidden = self.language(inputs_embeds=self.language.embed_tokens(ids[-1])[:, None],
                                   position_ids=self.positions.following(length + i), past_key_values=cache,
                                   use_cache=True).last_hidden_state
            logits = self.model.lm_head(hidden[:, -1])
        return torch.stack(ids, 1).tolist(), score / tokens
