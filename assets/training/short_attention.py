"""Attention over the few frames of a clip, written out: fused kernels are made for long sequences."""
import time

import torch


class ShortAttention:
    """Processor of diffusers' Attention, for self-attention without a mask."""

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None, **kwargs):
        assert encoder_hidden_states is None and attention_mask is None
        n, f, _ = hidden_states.shape
        heads = attn.heads
        q, k, v = (m(hidden_states).view(n, f, heads, -1).transpose(1, 2) for m in (attn.to_q, attn.to_k, attn.to_v))
        weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        out = weights.float().softmax(-1).to(v.dtype) @ v
        out = out.transpose(1, 2).reshape(n, f, -1)
        return attn.to_out[1](attn.to_out[0](out))


def temporal_attentions(unet):
    for block in [*unet.down_blocks, unet.mid_block, *unet.up_blocks]:
        for module in block.motion_modules:
            for layer in getattr(module, "transformer_blocks", []):
                yield from (layer.attn1, layer.attn2)


def seconds_of(attn, x, rounds=10):
    """A forward and a backward pass, in seconds."""
    for i in range(rounds + 3):
        if i == 3:
            torch.cuda.synchronize()
            start = time.time()
        attn(x).sum().backward()
    torch.cuda.synchronize()
    attn.zero_grad(set_to_none=True)
    return (time.time() - start) / rounds


def choose_temporal_attention(unet, batch, frames, dtype, report):
    """Measures the stock processor and ShortAttention on this GPU, and sets the quicker one."""
    attentions = list(temporal_attentions(unet))
    if not attentions:
        return
    first = attentions[0]
    x = torch.randn(batch * 256, frames, first.query_dim, device=first.to_q.weight.device, dtype=dtype)
    stock = first.processor
    taken = []
    for processor in (stock, ShortAttention()):
        first.set_processor(processor)
        taken.append(seconds_of(first, x))
    report(f"attention over frames: stock {1000 * taken[0]:.2f} ms, written out {1000 * taken[1]:.2f} ms")
    for attn in attentions:
        attn.set_processor(ShortAttention() if taken[1] < taken[0] else attn.processor)
    if taken[1] >= taken[0]:
        first.set_processor(stock)
