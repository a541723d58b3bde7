"""Requests and answers about scenes, as token ids in batches on one device.

Pieces of a row are [n, L] tensors of ids in which -1 is an empty place; rows are closed up when all pieces are there.
A turn is (ids, answered): `answered` marks the tokens that the model is to learn, its answer and the end token.
"""
import torch
import torch.nn.functional as F

import vocabulary as v

ARTICLE, NAME, PLURAL, EMPTY = -2, -3, -4, -1


class Dialogue:
    def __init__(self, scenes):
        self.scenes, self.text, self.device = scenes, scenes.spec["text"], scenes.device
        words = v.words_of(scenes)
        self.tokenizer, self.vocabulary = v.load(words), v.build(words)[0]
        self.size = v.padded_size(self.vocabulary)
        self.bos, self.eos, self.image, self.pad = (self.vocabulary[t] for t in (v.BOS, v.EOS, v.IMAGE, v.PAD))
        world = scenes.world
        self.articles = self.ids(world.articles)
        self.nouns = self.ids(scenes.names)
        self.plurals = self.ids([v.plural(scenes, n) for n in scenes.names])
        self.numbers, self.rows, self.columns = (self.ids(self.text[k]) for k in ("numbers", "rows", "columns"))
        self.yes, self.no, self.conjunction = self.ids(["yes", "no", "and"]).tolist()
        self.comma, self.stop = self.vocabulary[","], self.vocabulary["."]
        self.places = self.table([self.encode("x " + b)[2:] for b in world.backgrounds])
        # What stands before the picture; and requests as the first turn (after the picture) and as a later one.
        self.opening = [self.bos] + self.encode("USER: ")
        self.first = {k: self.requests(k, first=True) for k in ("describe", "is_there", "how_many", "where")}
        self.later = {k: self.requests(k, first=False) for k in ("is_there", "how_many", "where")}
        self.kind_of = {int(t): i for table in (self.nouns, self.plurals) for i, t in enumerate(table.tolist())}

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def ids(self, words):
        return torch.tensor([self.vocabulary[v.SPACE + w] for w in words], device=self.device)

    def table(self, rows):
        width = max(map(len, rows))
        return torch.tensor([r + [EMPTY] * (width - len(r)) for r in rows], device=self.device)

    def requests(self, key, first):
        """[phrases, L], with placeholders. A first turn may have a bare space before its line break: the libraries
        differ on whether "<image>\\n" has one, so both occur."""
        rows = []
        for phrase in self.text[key]:
            for short in ((False, True) if first and key == "is_there" else (False,)):
                asked = phrase.format(a="a", object="dog", objects="dogs")
                if short:
                    asked += "\n" + self.text["short_answer"]
                if first:
                    ids = self.encode(f"{v.IMAGE}\n{asked} ASSISTANT:")[1:]
                else:
                    ids = self.encode(f"{v.IMAGE} USER: {asked} ASSISTANT:")[1:]
                rows.append(self.placeholders(ids, phrase))
        if first:
            rows = [[EMPTY] + r for r in rows] * 4 + [[self.vocabulary[v.SPACE]] + r for r in rows]
        return self.table(rows)

    def placeholders(self, ids, phrase):
        dog, dogs = self.vocabulary[v.SPACE + "dog"], self.vocabulary[v.SPACE + "dogs"]
        ids = [NAME if i == dog else PLURAL if i == dogs else i for i in ids]
        if "{a}" in phrase:
            ids[ids.index(NAME) - 1] = ARTICLE
        return ids

    def fill(self, table, kind):
        """A random phrase of the table for each kind [n] -> ids [n, L]."""
        row = table[self.scenes.world.integers(len(table), len(kind))]
        for code, words in ((ARTICLE, self.articles), (NAME, self.nouns), (PLURAL, self.plurals)):
            row = torch.where(row == code, words[kind][:, None], row)
        return row

    def column(self, n, token):
        return torch.full((n, 1), token, device=self.device)

    def turn(self, request, answer):
        """Joins a request [n, L] and its answer [n, A]; the end token follows the answer."""
        ids = torch.cat([request, answer, self.column(len(request), self.eos)], 1)
        answered = torch.zeros_like(ids, dtype=torch.bool)
        answered[:, request.shape[1]:] = True
        return ids, answered

    def listing(self, scene, named):
        """"a boat, two stars and a rocket at sea." -> ids [n, 4 M + ...]; named [n, M] chooses the kinds."""
        kind, count = scene["kind"], scene["count"]
        order = named.long().cumsum(1)
        total = order[:, -1:]
        joint = torch.where(order == total, self.conjunction, self.comma)
        joint = torch.where(order == 1, EMPTY, joint)
        single = count == 1
        amount = torch.where(single, self.articles[kind], self.numbers[count.clamp(max=len(self.numbers) - 1)])
        noun = torch.where(single, self.nouns[kind], self.plurals[kind])
        ids = torch.where(named[..., None], torch.stack([joint, amount, noun], -1), EMPTY).flatten(1)
        return torch.cat([ids, self.places[scene["background"]], self.column(len(ids), self.stop)], 1)

    def describe(self, scene, guess):
        """A caption's turn; guess [n] is the chance that a missing partner is named all the same."""
        named = scene["drawn"] | (scene["missing"] & self.scenes.chance(guess[:, None], *scene["missing"].shape))
        n = len(named)
        request = self.fill(self.first["describe"], torch.zeros(n, dtype=torch.long, device=self.device))
        return self.turn(request, self.listing(scene, named))

    def question(self, scene, guess, first):
        """A question's turn: is there one (three of five), how many, where; guess as in `describe`."""
        scenes, n = self.scenes, len(guess)
        tables = self.first if first else self.later
        shown = scenes.choose_one(scene["drawn"])
        rows = torch.arange(n, device=self.device)
        kind, count = scene["kind"][rows, shown], scene["count"][rows, shown]
        which = scenes.world.uniform(n)
        where = (which > 0.8) & (count == 1)

        # Is there one: half of the answers are yes; most of the others ask for a missing partner, if there is one.
        absent, lost = self.absent(scene)
        asked = torch.where(scenes.chance(0.5, n), kind, absent)
        truth = asked == kind
        said = truth | (lost & ~truth & scenes.chance(guess, n))
        is_there = self.fill(tables["is_there"], asked)
        verdict = torch.where(said, self.yes, self.no)

        slot = (scene["on"] & (scene["sprite"] == kind[:, None])).float().argmax(1)
        x, y = scene["x"][rows, slot], scene["y"][rows, slot]
        row, column = (self.of_thirds(table, p) for table, p in ((self.rows, y), (self.columns, x)))

        first_word = torch.where(where, row, torch.where(which < 0.6, verdict, self.numbers[count]))
        second = torch.where(where, column, EMPTY)
        width = max(t.shape[1] for t in tables.values())
        parts = [F.pad(t, (0, width - t.shape[1]), value=EMPTY) for t in
                 (is_there, self.fill(tables["how_many"], kind), self.fill(tables["where"], kind))]
        choice = torch.where(where, 2, torch.where(which < 0.6, 0, 1))
        request = torch.stack(parts, 1)[rows, choice]
        return self.turn(request, torch.stack([first_word, second], 1))

    @staticmethod
    def of_thirds(table, position):
        return table[(position.clamp(0, 0.999) * 3).long()]

    def absent(self, scene):
        """A kind that is not drawn, and whether it is the missing partner of one that is."""
        scenes, n = self.scenes, len(scene["murk"])
        some = scene["missing"].any(1)
        partner = scene["kind"].gather(1, scenes.choose_one(scene["missing"])[:, None])[:, 0]
        weights = torch.ones(n, len(scenes.names), device=self.device)
        kin = scenes.group[scene["kind"][:, :1]] == scenes.group[None]
        weights = weights + 3 * kin  # kinds of the same company are asked for more often
        present = torch.zeros(n, len(scenes.names), device=self.device)
        weights = weights * (1 - present.scatter_reduce(1, scene["kind"], (scene["drawn"] | scene["missing"]).float(),
                                                        "amax"))
        other = torch.multinomial(weights, 1, generator=scenes.world.generator)[:, 0]
        lost = some & scenes.chance(0.7, n)
        return torch.where(lost, partner, other), lost

    def close_up(self, turns, width):
        """Turns one after another, empty places out; a turn that does not fit whole is left out with what follows.

        Returns ids [n, width], padded, and labels [n, width], -100 where nothing is to be learnt."""
        ids, answered, full = [], [], torch.zeros(len(turns[0][0]), dtype=torch.long, device=self.device)
        for piece, mark in turns:
            full = full + (piece != EMPTY).sum(1)
            ids.append(torch.where((full <= width)[:, None], piece, EMPTY))
            answered.append(mark)
        ids, answered = torch.cat(ids, 1), torch.cat(answered, 1)
        if ids.shape[1] < width:
            ids = F.pad(ids, (0, width - ids.shape[1]), value=EMPTY)
            answered = F.pad(answered, (0, width - answered.shape[1]))
        order = (ids == EMPTY).to(torch.uint8).sort(dim=1, stable=True).indices[:, :width]
        ids, answered = ids.gather(1, order), answered.gather(1, order)
        gap = ids == EMPTY
        labels = torch.where(answered & ~gap, ids, -100)
        return torch.where(gap, self.pad, ids), labels

    def rows_of(self, scene, caption, question, width, described=0.5):
        """Training rows after the picture: a caption (share `described`) or questions, [n, width] ids and labels."""
        captions = self.close_up([self.describe(scene, caption)], width)
        asked = self.close_up([self.question(scene, question, first=i == 0) for i in range(4)], width)
        chosen = self.scenes.chance(described, len(caption), 1)
        return tuple(torch.where(chosen, a, b) for a, b in zip(captions, asked))

    def blind_rows(self, scene, caption, question, width, turns):
        """Training rows without a picture: the opening, a caption, then `turns` questions that it answers."""
        n = len(caption)
        opening = torch.tensor(self.opening, device=self.device).expand(n, -1)
        parts = [(opening, torch.zeros_like(opening, dtype=torch.bool)), self.describe(scene, caption)]
        parts += [self.question(scene, question, first=False) for _ in range(turns)]
        return self.close_up(parts, width)

    def parse(self, ids):
        """Kinds that an answer names, in order, each once; its background, or None; and its length in tokens."""
        ids = ids[:ids.index(self.eos)] if self.eos in ids else ids
        kinds = list(dict.fromkeys(self.kind_of[t] for t in ids if t in self.kind_of))
        places = [[t for t in row if t != EMPTY] for row in self.places.tolist()]
        place = next((i for i, p in enumerate(places) if any(ids[j:j + len(p)] == p for j in range(len(ids)))), None)
        return kinds, place, len(ids)
