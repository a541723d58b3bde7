"""What a captioner says of scenes whose truth is known: CHAIR, POPE, frames of the video world.

CHAIR: CHAIR_i is the share of named objects that are not drawn, CHAIR_s the share of captions with one, recall the
share of drawn objects that are named. POPE: "Is there a ...?", as many absent as drawn kinds (two a scene at most);
the absent ones random, popular (of the twelve most frequent kinds) or adversarial (missing partners first).
Intervals are 95 %, by resampling scenes.
"""
import numpy as np
import torch

SPLITS = ("random", "popular", "adversarial")
POPULAR = 12


class Sample:
    """n scenes, their pictures' features, and what is drawn."""

    def __init__(self, net, scenes, painter, n, broken=False, frames=False, autoencoder=None, batch=250):
        self.scenes, self.features, self.pictures = scenes, [], []
        parts = []
        for start in range(0, n, batch):
            size = min(batch, n - start)
            part = scenes.frames(size) if frames else scenes.draw(size, broken)
            pictures = painter.render(part)[0]
            if autoencoder:
                pictures = autoencoder.round_trip(pictures, scenes.world.generator, unrest=0.2)
            self.features.append(net.features(pictures))
            self.pictures.append(pictures[:48])
            parts.append(part)
        self.background = torch.cat([p["background"] for p in parts]).tolist()
        self.drawn, self.missing = [], []
        for part in parts:
            for kinds, drawn, missing in zip(*(part[k].tolist() for k in ("kind", "drawn", "missing"))):
                self.drawn.append([k for k, d in zip(kinds, drawn) if d])
                self.missing.append([k for k, m in zip(kinds, missing) if m])
        self.pictures = torch.cat(self.pictures)


def request(dialogue, key, n, kind=None, phrase=0):
    """Ids [n, L] of one fixed first request, without the optional bare space."""
    row = dialogue.first[key][phrase]
    row = row[row != -1]
    kinds = torch.zeros(n, dtype=torch.long, device=row.device) if kind is None else kind
    return dialogue.fill(row[None], kinds)


def captions(net, dialogue, sample):
    said, score = [], []
    for features in sample.features:
        ids, mean = net.answer(features, request(dialogue, "describe", len(features)), dialogue.eos)
        said += ids
        score.append(mean)
    return [dialogue.parse(i) for i in said], torch.cat(score), said


def interval(table, statistic, resamples=400):
    """Value and 95 % interval of a statistic of the rows of table."""
    random = np.random.default_rng(0)
    values = [statistic(table[random.integers(len(table), size=len(table))]) for _ in range(resamples)]
    low, high = np.quantile(values, [0.025, 0.975])
    return [round(float(v), 4) for v in (statistic(table), low, high)]


def chair(parsed, sample, partner):
    """Numbers as [value, low, high]; `partner`: share of the invented objects that are the planted partner."""
    rows = []
    for (kinds, place, length), drawn, missing, background in zip(parsed, sample.drawn, sample.missing,
                                                                  sample.background):
        invented = [k for k in kinds if k not in drawn]
        planted = [k for k in invented if partner[k] in drawn]
        hits = len(set(kinds) & set(drawn))
        exact = not invented and hits == len(drawn) and place == background
        rows.append([len(kinds), len(invented), len(planted), hits, len(drawn), place == background, exact, length])
    t = np.array(rows, float)
    return {
        "chair_i": interval(t, lambda x: x[:, 1].sum() / max(x[:, 0].sum(), 1)),
        "chair_s": interval(t, lambda x: (x[:, 1] > 0).mean()),
        "recall": interval(t, lambda x: x[:, 3].sum() / x[:, 4].sum()),
        "partner": interval(t, lambda x: x[:, 2].sum() / max(x[:, 1].sum(), 1)),
        "background": interval(t, lambda x: x[:, 5].mean()),
        "exact": interval(t, lambda x: x[:, 6].mean()),
        "length": round(t[:, 7].mean(), 2), "scenes": len(t),
    }


def questions(sample, scenes, seed, splits=SPLITS):
    """{split: [(scene, kind, drawn)]}: the same drawn kinds in every split."""
    random = np.random.default_rng(seed)
    frequency = scenes.frequency.cpu().numpy()
    popular = set(np.argsort(-frequency, kind="stable")[:POPULAR].tolist())
    group, every = scenes.group.tolist(), range(len(scenes.names))
    out = {split: [] for split in splits}
    for i, (drawn, missing) in enumerate(zip(sample.drawn, sample.missing)):
        drawn_asked = random.permutation(drawn)[:2].tolist()
        absent = random.permutation([k for k in every if k not in drawn]).tolist()
        home = {group[k] for k in drawn}
        orders = {
            "random": absent,
            "popular": sorted(absent, key=lambda k: k not in popular),
            "adversarial": sorted(absent, key=lambda k: (k not in missing, group[k] not in home)),
        }
        for split in splits:
            out[split] += [(i, k, True) for k in drawn_asked]
            out[split] += [(i, k, False) for k in orders[split][:len(drawn_asked)]]
    return out


@torch.no_grad()
def margins(net, dialogue, sample, asked, batch=1000):
    """logit(yes) - logit(no) of (scene, kind) questions."""
    features = torch.cat(sample.features)
    out = []
    for start in range(0, len(asked), batch):
        part = asked[start:start + batch]
        index = torch.tensor([q[0] for q in part], device=features.device)
        kind = torch.tensor([q[1] for q in part], device=features.device)
        logits = net.prefill(features[index], request(dialogue, "is_there", len(part), kind))
        out.append(logits[:, dialogue.yes] - logits[:, dialogue.no])
    return torch.cat(out).cpu().numpy()


def auc(margin, truth):
    """Chance that a drawn kind's margin is above an absent one's."""
    order = np.argsort(margin, kind="stable")
    rank = np.empty(len(margin))
    rank[order] = np.arange(1, len(margin) + 1)
    positive = truth.sum()
    return float((rank[truth].sum() - positive * (positive + 1) / 2) / (positive * (len(truth) - positive)))


def pope(net, dialogue, sample, scenes, seed, splits=SPLITS):
    asked = questions(sample, scenes, seed, splits)
    flat = sorted({q for qs in asked.values() for q in qs})
    margin = dict(zip(flat, margins(net, dialogue, sample, flat).tolist()))
    result = {}
    for split, qs in asked.items():
        m, truth = np.array([margin[q] for q in qs]), np.array([q[2] for q in qs])
        yes = m > 0
        per_scene = np.zeros((len(sample.drawn), 2))
        np.add.at(per_scene, [q[0] for q in qs], np.stack([yes == truth, np.ones(len(qs))], 1))
        hit = (yes & truth).sum()
        precision, recall = hit / max(yes.sum(), 1), hit / truth.sum()
        result[split] = {
            "accuracy": interval(per_scene, lambda x: x[:, 0].sum() / x[:, 1].sum()),
            "precision": round(float(precision), 4), "recall": round(float(recall), 4),
            "f1": round(float(2 * precision * recall / max(precision + recall, 1e-9)), 4),
            "yes": round(float(yes.mean()), 4), "auc": round(auc(m, truth), 4), "questions": len(qs),
        }
    return result


def everything(net, dialogue, scenes, painter, autoencoder, n, show=None):
    """The whole report; `show` is called with (name, sample, captions as texts)."""
    report, partner = {}, scenes.partner.tolist()
    kinds = {
        "in_distribution": {}, "bias_breaking": {"broken": True},
        "video_frames": {"frames": True}, "video_frames_decoded": {"frames": True, "autoencoder": autoencoder},
    }
    for seed, (name, options) in enumerate(kinds.items(), 101):
        scenes.world.generator.manual_seed(seed)
        sample = Sample(net, scenes, painter, n, **options)
        parsed, score, said = captions(net, dialogue, sample)
        report[name] = {"chair": chair(parsed, sample, partner), "log_probability": round(score.mean().item(), 4),
                        "pope": pope(net, dialogue, sample, scenes, seed)}
        if show:
            texts = [dialogue.tokenizer.decode(i[:i.index(dialogue.eos)] if dialogue.eos in i else i) for i in said]
            show(name, sample, texts)
    return report


def table(report):
    lines = [f"{'':22}{'CHAIR_i':>9}{'CHAIR_s':>9}{'recall':>9}{'partner':>9}{'place':>9}{'exact':>9}"
             f"{'POPE r':>9}{'p':>9}{'a':>9}{'AUC a':>9}"]
    for name, r in report.items():
        values = [r["chair"][k][0] for k in ("chair_i", "chair_s", "recall", "partner", "background", "exact")]
        values += [r["pope"][k]["accuracy"][0] for k in SPLITS] + [r["pope"]["adversarial"]["auc"]]
        lines.append(f"{name:22}" + "".join(f"{v:9.3f}" for v in values))
    return "\n".join(lines)
