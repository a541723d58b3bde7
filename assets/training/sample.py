"""Text to video with the networks in training: DDIM and classifier-free guidance, in batches."""
import torch

import models

SHOWN = ["a dog moving left on grass", "a rocket moving up in space", "a car moving right in the desert",
         "a star spinning at night", "a snowman shrinking in the snow", "a football bouncing on grass",
         "a cat bouncing and a balloon moving up at sunset", "a boat moving right and a dolphin bouncing at sea",
         "a robot standing still and a heart spinning on a pink wall"]


@torch.no_grad()
def generate(unet, text_encoder, vae, tokens, prompts, device, dtype, steps=25, guidance=4.0, seed=0,
             frames=16, batch=32):
    """Videos [n, frames, 3, 128, 128] in about [-1, 1], the way AnimateDiffPipeline makes them."""
    scheduler = models.make_scheduler()
    scheduler.set_timesteps(steps)
    generator = torch.Generator(device).manual_seed(seed)
    videos = []
    for start in range(0, len(prompts), batch):
        part = prompts[start:start + batch]
        ids = torch.tensor(tokens([""] * len(part)) + tokens(part), device=device)
        hidden = text_encoder(ids).last_hidden_state.repeat_interleave(frames, 0)
        x = torch.randn(len(part), models.LATENT_CHANNELS, frames, 16, 16, device=device, generator=generator)
        for t in scheduler.timesteps:
            both = unet(torch.cat([x, x]).to(dtype), t.to(device), hidden, return_dict=False)[0].float()
            plain, prompted = both.chunk(2)
            x = scheduler.step(plain + guidance * (prompted - plain), t, x).prev_sample
        latents = x.transpose(1, 2).flatten(0, 1).to(next(vae.parameters()).dtype)
        decoded = torch.cat([vae.decode(z).sample.float() for z in latents.split(128)])
        videos.append(decoded.clamp(-1, 1).unflatten(0, (len(part), frames)))
    return torch.cat(videos)
