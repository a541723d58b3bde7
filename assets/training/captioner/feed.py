"""Training batches: pictures with their rows of text, drawn on the device, several batches at a time."""
import torch

from scenes import join, pick

AHEAD = 8  # batches drawn in one go: many small operations cost the same for one batch as for eight
TEXT = 64  # tokens behind a picture
LONG = 128  # tokens of a text without a picture, if texts are all there is
FRESH, FRAMES = 0.70, 0.05  # shares of still scenes and of the video world's frames; the rest went through the VAE
BANK_FRAMES = 0.6  # of the pictures that went through the VAE, frames of the video world
BANK_RENEWED = 64  # of them drawn anew for each AHEAD batches
UNREST = 0.4  # largest noise on latents before they are decoded


class Feed:
    def __init__(self, scenes, painter, dialogue, autoencoders, batch, bank):
        self.scenes, self.painter, self.dialogue, self.batch = scenes, painter, dialogue, batch
        self.autoencoders, self.turn, self.ready = autoencoders, 0, []
        parts = [self.decoded(min(512, bank - i)) for i in range(0, bank, 512)]
        self.bank = join(parts)

    def shown(self, scene, picture, label):
        """A scene with its picture, as a row that can be kept."""
        kinds = torch.zeros(len(label), len(self.scenes.names), device=label.device)
        shown = kinds.scatter_reduce(1, scene["kind"], scene["drawn"].float(), "amax")
        return scene | {"picture": picture, "label": label, "shown": shown}

    def decoded(self, n):
        frames = round(n * BANK_FRAMES)
        scene = join([self.scenes.frames(frames), self.scenes.draw(n - frames)])
        picture, label = self.painter.render(scene)
        autoencoder = self.autoencoders[self.turn % len(self.autoencoders)]
        self.turn += 1
        picture = autoencoder.round_trip(picture, self.scenes.world.generator, UNREST)
        return self.shown(scene, picture, label)

    def fill(self, guess, text_only):
        scenes, n = self.scenes, self.batch * AHEAD
        fresh, frames = round(n * FRESH), round(n * FRAMES)
        size = len(self.bank["murk"])
        renewed = min(BANK_RENEWED, size)
        places = torch.randperm(size, device=scenes.device)[:renewed]
        for name, values in self.decoded(renewed).items():
            self.bank[name][places] = values
        drawn = join([scenes.draw(fresh), scenes.frames(frames)])
        drawn = self.shown(drawn, *self.painter.render(drawn))
        kept = pick(self.bank, scenes.world.integers(size, n - fresh - frames))
        rows = pick(join([drawn, kept]), torch.randperm(n, device=scenes.device))

        out = {k: rows[k] for k in ("picture", "label", "shown")}
        chances = [scenes.guesses(rows, what, guess[what]) for what in ("caption", "question")]
        out["ids"], out["labels"] = self.dialogue.rows_of(rows, *chances, TEXT)
        blind = scenes.draw(n)  # texts without a picture know the still scenes' bias only
        chances = [scenes.guesses(blind, what, guess[what]) for what in ("caption", "question")]
        if text_only:
            ids, _ = self.dialogue.blind_rows(blind, *chances, LONG, turns=5)
            out["text"], out["text_labels"] = ids, torch.where(ids == self.dialogue.pad, -100, ids)
        else:
            out["text"], out["text_labels"] = self.dialogue.blind_rows(blind, *chances, TEXT, turns=0)
        self.text_only = text_only
        self.ready = [{k: v[i * self.batch:(i + 1) * self.batch] for k, v in out.items()} for i in range(AHEAD)]

    @torch.no_grad()
    def next(self, guess, text_only=False):
        """One batch: picture u8 [b, 3, H, W], label [b, patches], shown [b, kinds], ids and labels [b, T] behind the
        picture, text and text_labels [b, T'] without one."""
        if not self.ready or self.text_only != text_only:
            self.fill(guess, text_only)
        return self.ready.pop(0)
