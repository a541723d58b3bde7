"""What both trainings share: processes, optimiser with flat master weights and EMA, schedule.

Import this module before any that may touch a GPU (diffusers, transformers): it decides which one the process sees.
"""
import math
import os
import time

if "LOCAL_RANK" in os.environ:
    # Every process sees its own GPU as number 0, so that all of them share one compiler cache. CUDA reads this once.
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ["LOCAL_RANK"]

import torch
import torch.distributed as dist


class Context:
    """One process a GPU (started by torchrun), or a single process on a GPU or the CPU."""

    def __init__(self):
        self.started = time.time()
        self.world_size = int(os.environ.get("WORLD_SIZE", 1))
        self.rank = int(os.environ.get("RANK", 0))
        self.cuda = torch.cuda.is_available()
        if self.cuda:
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
            torch.backends.cudnn.benchmark = True
        self.device = torch.device("cuda" if self.cuda else "cpu")
        self.dtype = torch.bfloat16 if self.cuda else torch.float32
        if self.world_size > 1:
            dist.init_process_group("nccl" if self.cuda else "gloo")

    def elapsed(self):
        return time.time() - self.started

    def print(self, *args):
        if self.rank == 0:
            print(f"[{self.elapsed():6.1f}s]", *args, flush=True)

    def agree(self, value):
        """Rank 0's number on every rank: clocks differ, so only one of them may decide."""
        if self.world_size == 1:
            return value
        tensor = torch.tensor([value], device=self.device, dtype=torch.float64)
        dist.broadcast(tensor, 0)
        return tensor.item()

    def barrier(self):
        if self.world_size > 1:
            dist.barrier()

    def close(self):
        if self.world_size > 1:
            dist.destroy_process_group()


def schedule(progress, step, warmup, floor=0.01):
    """Linear warm-up over steps, then half a cosine over the share of the whole budget spent."""
    cosine = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))
    return cosine * min(1.0, (step + 1) / warmup)


class FlatAdamW:
    """AdamW over one flat fp32 copy of all parameters, with an EMA beside it.

    The modules may hold bfloat16 weights: gradients are gathered into one fp32 vector, summed over
    the processes in one call, and the updated master weights are copied back.
    """

    def __init__(self, context, modules, betas=(0.9, 0.99)):
        self.context = context
        self.parameters = [p for m in modules for p in m.parameters()]
        self.shapes = [p.shape for p in self.parameters]
        self.sizes = [p.numel() for p in self.parameters]
        self.master = torch.cat([p.detach().float().reshape(-1) for p in self.parameters])
        if context.world_size > 1:
            dist.broadcast(self.master, 0)
        self.ema = self.master.clone()
        self.optimizer = torch.optim.AdamW([self.master], lr=1.0, betas=betas, weight_decay=0.0,
                                           fused=context.cuda)
        self.step_count = 0
        self.write(self.master)

    def views(self, flat):
        return [v.view(s) for v, s in zip(flat.split(self.sizes), self.shapes)]

    @torch.no_grad()
    def write(self, flat):
        """Copies a flat vector (the master weights or the EMA) into the modules."""
        torch._foreach_copy_([p.data for p in self.parameters], self.views(flat))

    @torch.no_grad()
    def step(self, lr, ema_decay=0.999, max_norm=1.0):
        zero = self.master.new_zeros(())
        gradient = torch.cat([(p.grad if p.grad is not None else zero.expand(p.shape)).reshape(-1).float()
                              for p in self.parameters])
        for p in self.parameters:
            p.grad = None
        if self.context.world_size > 1:
            dist.all_reduce(gradient)
            gradient /= self.context.world_size
        norm = gradient.norm()
        # A broken batch (norm not finite) must not reach the weights, nor cost a synchronisation.
        scale = torch.where(norm.isfinite(), (max_norm / (norm + 1e-6)).clamp(max=1.0), torch.zeros_like(norm))
        self.master.grad = torch.nan_to_num_(gradient, 0.0, 0.0, 0.0).mul_(scale)
        self.optimizer.param_groups[0]["lr"] = lr
        self.optimizer.step()
        self.step_count += 1
        decay = min(ema_decay, (1 + self.step_count) / (10 + self.step_count))
        self.ema.lerp_(self.master, 1 - decay)
        self.write(self.master)

    def state_dict(self):
        return {"master": self.master, "ema": self.ema, "step": self.step_count,
                "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state):
        self.master.copy_(state["master"])
        self.ema.copy_(state["ema"])
        self.step_count = state["step"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.write(self.master)


def half(module):
    """A module's state as fp16 tensors on the CPU, ready for safetensors."""
    return {k: v.detach().to("cpu", torch.float16 if v.is_floating_point() else v.dtype).contiguous()
            for k, v in module.state_dict().items()}
