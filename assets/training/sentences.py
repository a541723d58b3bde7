"""Plain sentences about the emoji world, from the word lists in assets/world/sentences.json.

A template names what it states: `{A}` and `{B}` are objects with or without an article, `{A-ing}`, `{A-s}` their
motions (running left, runs left), `{AB-ing}`, `{AB-bare}` one motion of both, `{P}` a place, `{the} {A-adj} {A-noun}`
an adjective of motion (a spinning star). What a template does not name is left open.
"""
import json
import pathlib
import random
import re

FORMS = {"ing": 0, "s": 1, "bare": 2}
# What an object does whose sentence does not say: mostly nothing.
CALM = {"standing still": 6, "bouncing": 1, "moving left": 1, "moving right": 1, "moving up": 0.5, "moving down": 0.5}


class Sentences:
    def __init__(self, world, root, seed=0, held_out_templates=False, held_out_words=False):
        self.lists = json.loads((pathlib.Path(root) / "sentences.json").read_text(encoding="utf-8"))
        self.random = random.Random(seed)
        self.objects, self.motions, self.backgrounds = world.objects, world.motions, world.backgrounds
        self.articles = world.articles
        self.swaps = {}  # word of the training lists -> held-out words that may replace it
        if held_out_words:
            for held, known in self.lists["held_out_words"].items():
                self.swaps.setdefault(known, []).append(held)
        chosen = self.lists["held_out_templates" if held_out_templates else "templates"]
        self.templates = {n: [t for t in chosen if ("{B}" in t) == (n == 2)] for n in (1, 2)}

    def words(self):
        """Every word of the lists, held-out ones too."""
        lists = self.lists
        text = [*lists["objects"], *lists["fillers"], *lists["held_out_words"], "a an the one and , ."]
        text += [s for names in lists["objects"].values() for s in names]
        for motion in lists["motions"].values():
            text += motion["verbs"] + motion["directions"] + motion.get("alone", [])
        text += [p for phrases in lists["places"].values() for p in phrases]
        text += [re.sub(r"\{[^}]*\}", "", t) for t in lists["templates"] + lists["held_out_templates"]]
        return sorted(set(" ".join(text).split()))

    def meanings(self):
        """Pairs of a phrase and the world's name that it stands for, without words that names share."""
        for name, others in self.lists["objects"].items():
            yield from ((other, name) for other in others)
        for name, motion in self.lists["motions"].items():
            for verb in motion["verbs"] + motion.get("alone", []):
                yield verb, name.split()[0] if name.startswith("moving") and verb in motion["verbs"] else name
            yield from ((d, name.split()[-1]) for d in motion["directions"])
        for name, phrases in self.lists["places"].items():
            kernel = " ".join(w for w in name.split() if w not in ("on", "in", "at", "a", "the"))
            yield from ((phrase, kernel) for phrase in phrases)

    def parts(self):
        """What the sentences name, how many of it at least and at most, and by which phrases."""
        def with_held(phrases):
            held = [re.sub(rf"\b{re.escape(known)}\b", other, phrase) for phrase in phrases
                    for other, known in self.lists["held_out_words"].items() if known in phrase.split()]
            return sorted(set(phrases + held))
        objects = [n for name in self.objects for n in (name, *self.lists["objects"].get(name, []))]
        places = [p for name in self.backgrounds for p in (name, *self.lists["places"][name])]
        return {"objects": {"least": 1, "most": 2, "phrases": with_held(objects)},
                "places": {"least": 0, "most": 1, "phrases": with_held(places)}}

    def held(self, text):
        """Puts held-out words in the places of those that they are tied to, if there are any."""
        if not self.swaps:
            return text
        return " ".join(self.random.choice(self.swaps[w]) if w in self.swaps and self.random.random() < 0.7 else w
                        for w in text.split())

    def noun(self, k):
        name = self.objects[k]
        other = self.lists["objects"].get(name, [])
        return self.held(self.random.choice(other) if other and self.random.random() < 0.5 else name)

    def phrase(self, k, article=True):
        noun, dice = self.noun(k), self.random.random()
        if self.random.random() < 0.1:
            noun = self.random.choice(self.lists["fillers"]) + " " + noun
        if not article or dice < 0.22:
            return noun
        right = self.articles[k] if noun.split()[0] == self.objects[k] else "an" if noun[0] in "aeiou" else "a"
        return ("the" if dice < 0.4 else "one" if dice < 0.43 else "a" if dice < 0.5 else right) + " " + noun

    def motion(self, m, form):
        name = self.motions[m]
        if form == "ing" and self.random.random() < 0.25:
            return name
        entry = self.lists["motions"][name]
        if entry.get("alone") and self.random.random() < 0.5:
            return self.held(self.random.choice(entry["alone"]).split()[FORMS[form]])
        verb = self.random.choice(entry["verbs"]).split()[FORMS[form]]
        return self.held(verb + " " + self.random.choice(entry["directions"]))

    def adjective(self, m):
        return self.held(self.random.choice(self.lists["motions"][self.motions[m]]["alone"]).split()[0])

    def place(self, b):
        name = self.backgrounds[b]
        return self.held(name if self.random.random() < 0.4 else self.random.choice(self.lists["places"][name]))

    def write(self, objects, motions, background):
        """A sentence of one or two objects (indices), the template, and the motions to show: what is open is redrawn."""
        count, motions = len(objects), list(motions)
        while True:
            template = self.random.choice(self.templates[count])
            if "-adj}" not in template or "alone" in self.lists["motions"][self.motions[motions[0]]]:
                break
        calm = [self.motions.index(m) for m in CALM]
        for k in range(count):
            if "{" + "AB"[k] + "-" not in template and "{AB-" not in template:
                motions[k] = self.random.choices(calm, CALM.values())[0]
        if "{AB-" in template:
            motions[1] = motions[0]

        def fill(match):
            key = match.group(1)
            if key == "P":
                return self.place(background)
            if key == "the":
                return self.random.choice(["a", "the", "the", "one"])
            name, _, form = key.partition("-")
            k = "AB".index(name[0])
            if form == "":
                return self.phrase(objects[k])
            if form == "noun":
                return self.noun(objects[k])
            return self.adjective(motions[k]) if form == "adj" else self.motion(motions[k], form)

        text = re.sub(r"\{([^}]+)\}", fill, template)
        return text + (" ." if self.random.random() < 0.1 else ""), template, motions
