"""The architecture of VideoCrafter2's UNet in plain PyTorch, with the names of its checkpoint.

Written for these tests after VideoCrafter's published configuration and code (AILab-CVC/VideoCrafter, Apache-2.0:
configs/inference_t2v_512_v2.0.yaml, lvdm/modules); make_lvdm.py compares it with diffusers' UNet3DConditionModel,
which is the same network but for the frame rate.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


def sinusoids(values, width):
    angles = values.float()[:, None] * torch.exp(-math.log(10000) * torch.arange(width // 2) / (width // 2))
    return torch.cat([angles.cos(), angles.sin()], 1)


class ResBlock(nn.Module):
    def __init__(self, width_in, width_out, time_width, groups):
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(groups, width_in), nn.SiLU(),
                                       nn.Conv2d(width_in, width_out, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_width, width_out))
        self.out_layers = nn.Sequential(nn.GroupNorm(groups, width_out), nn.SiLU(), nn.Dropout(0),
                                        nn.Conv2d(width_out, width_out, 3, padding=1))
        self.skip_connection = nn.Conv2d(width_in, width_out, 1) if width_in != width_out else nn.Identity()
        self.temopral_conv = TemporalConv(width_out, groups)

    def forward(self, x, state):  # [B, C, F, H, W] throughout
        batch, _, frames = x.shape[:3]
        flat = x.transpose(1, 2).flatten(0, 1)
        time = self.emb_layers(state["time"]).repeat_interleave(frames, 0)[:, :, None, None]
        h = self.skip_connection(flat) + self.out_layers(self.in_layers(flat) + time)
        return self.temopral_conv(h.unflatten(0, (batch, frames)).transpose(1, 2))


class TemporalConv(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        for i in range(1, 5):
            layers = [nn.GroupNorm(groups, width), nn.SiLU()] + [nn.Dropout(0)] * (i > 1)
            setattr(self, f"conv{i}", nn.Sequential(*layers, nn.Conv3d(width, width, (3, 1, 1), padding=(1, 0, 0))))

    def forward(self, x):
        return x + self.conv4(self.conv3(self.conv2(self.conv1(x))))


class Attention(nn.Module):
    def __init__(self, width, context, heads):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width), nn.Dropout(0))

    def forward(self, x, context):
        q, k, v = (f(t).unflatten(-1, (self.heads, -1)).transpose(1, 2)
                   for f, t in ((self.to_q, x), (self.to_k, context), (self.to_v, context)))
        weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        return self.to_out((weights @ v).transpose(1, 2).flatten(2))


class Geglu(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.proj = nn.Linear(width, 8 * width)

    def forward(self, x):
        value, gate = self.proj(x).chunk(2, -1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(Geglu(width), nn.Dropout(0), nn.Linear(4 * width, width))

    def forward(self, x):
        return self.net(x)


class Block(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.attn1 = Attention(width, width, heads)
        self.ff = FeedForward(width)
        self.attn2 = Attention(width, context or width, heads)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x, context):
        h = self.norm1(x)
        x = x + self.attn1(h, h)
        h = self.norm2(x)
        x = x + self.attn2(h, h if context is None else context)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    """Spatial with a `context` width, else temporal; `convolution`: projections are stored as Conv1d."""

    def __init__(self, width, heads, head, groups, context=None, convolution=False):
        super().__init__()
        inner = heads * head
        self.context = context
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Conv1d(width, inner, 1) if convolution else nn.Linear(width, inner)
        self.transformer_blocks = nn.ModuleList([Block(inner, heads, context)])
        self.proj_out = nn.Conv1d(inner, width, 1) if convolution else nn.Linear(inner, width)

    def forward(self, x, state):
        batch, width, frames, height, columns = x.shape
        if self.context:
            h = self.norm(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (batch, frames))  # [B, F, C, H, W]
            h = h.permute(0, 1, 3, 4, 2).reshape(batch * frames, height * columns, width)
        else:
            h = self.norm(x).permute(0, 3, 4, 2, 1).reshape(batch * height * columns, frames, width)
        h = F.linear(h, self.proj_in.weight.flatten(1), self.proj_in.bias)
        for block in self.transformer_blocks:
            h = block(h, state["context"] if self.context else None)
        h = F.linear(h, self.proj_out.weight.flatten(1), self.proj_out.bias)
        if self.context:
            return x + h.view(batch, frames, height, columns, width).permute(0, 4, 1, 2, 3)
        return x + h.view(batch, height, columns, frames, width).permute(0, 4, 3, 1, 2)


class Resize(nn.Module):
    """On [B, C, F, H, W], with the one layer's name as in the checkpoint: `op` down, `conv` up."""

    def __init__(self, width, up):
        super().__init__()
        self.up = up
        if up:
            self.conv = nn.Conv2d(width, width, 3, padding=1)
        else:
            self.op = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x, state):
        h = x.transpose(1, 2).flatten(0, 1)
        h = self.conv(F.interpolate(h, scale_factor=2)) if self.up else self.op(h)
        return h.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)


class FirstConv(nn.Conv2d):
    def forward(self, x, state):
        return super().forward(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)


class LvdmUNet(nn.Module):
    def __init__(self, in_channels=4, out_channels=4, model_channels=320, channel_mult=(1, 2, 4, 4), num_res_blocks=2,
                 attention_resolutions=(4, 2, 1), num_head_channels=64, context_dim=1024, groups=32, fps_cond=True,
                 addition_attention=True):
        super().__init__()
        width, time = model_channels, 4 * model_channels
        self.width = width

        def two_layers():
            return nn.Sequential(nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time))

        def transformers(channels):
            heads = channels // num_head_channels
            return [Transformer(channels, heads, num_head_channels, groups, context_dim),
                    Transformer(channels, heads, num_head_channels, groups)]

        def block(channels_in, channels, level):
            layers = [ResBlock(channels_in, channels, time, groups)]
            return layers + (transformers(channels) if 2 ** level in attention_resolutions else [])

        self.time_embed = two_layers()
        self.fps_embedding = two_layers() if fps_cond else None
        self.init_attn = nn.ModuleList([Transformer(width, 8, num_head_channels, groups, convolution=True)]
                                       ) if addition_attention else None
        inputs, skips, channels = [[FirstConv(in_channels, width, 3, padding=1)]], [width], width
        for level, mult in enumerate(channel_mult):
            for _ in range(num_res_blocks):
                inputs.append(block(channels, mult * width, level))
                channels = mult * width
                skips.append(channels)
            if level + 1 < len(channel_mult):
                inputs.append([Resize(channels, up=False)])
                skips.append(channels)
        self.input_blocks = nn.ModuleList(nn.ModuleList(b) for b in inputs)
        self.middle_block = nn.ModuleList([ResBlock(channels, channels, time, groups), *transformers(channels),
                                           ResBlock(channels, channels, time, groups)])
        outputs = []
        for level in reversed(range(len(channel_mult))):
            for i in range(num_res_blocks + 1):
                outputs.append(block(channels + skips.pop(), channel_mult[level] * width, level))
                channels = channel_mult[level] * width
                if level and i == num_res_blocks:
                    outputs[-1].append(Resize(channels, up=True))
        self.output_blocks = nn.ModuleList(nn.ModuleList(b) for b in outputs)
        self.out = nn.Sequential(nn.GroupNorm(groups, channels), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1))

    def forward(self, x, timesteps, context, fps=None):
        """context: [B, L, D] for all frames, or [B, F, L, D]."""
        batch, frames = x.shape[0], x.shape[2]
        dtype = self.out[2].weight.dtype
        time = self.time_embed(sinusoids(timesteps.expand(batch), self.width).to(dtype))
        if self.fps_embedding is not None:
            time = time + self.fps_embedding(sinusoids(torch.full((batch,), float(fps)), self.width).to(dtype))
        if context.dim() == 3:
            context = context[:, None].expand(-1, frames, -1, -1)
        state = {"time": time, "context": context.flatten(0, 1)}
        skips = []
        for i, block in enumerate(self.input_blocks):
            for layer in block:
                x = layer(x, state)
            if i == 0 and self.init_attn is not None:
                x = self.init_attn[0](x, state)
            skips.append(x)
        for layer in self.middle_block:
            x = layer(x, state)
        for block in self.output_blocks:
            x = torch.cat([x, skips.pop()], 1)
            for layer in block:
                x = layer(x, state)
        return self.out(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (batch, frames)).transpose(1, 2)
