"""What expressions and statements of Jinja give in the environment of transformers' chat templates.

jinja/expressions.txt has an expression a line, jinja/statements.json a list of templates; jinja/expected.json says for each what
it gives: a text, or the class of the error. What prints an address in memory is left out.
"""

import datetime
import json
import os
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TZ"] = "UTC"
time.tzset()

from transformers.utils import chat_template_utils

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jinja")
NOW = 1_753_747_200
VARIABLES = {
    "x": 3, "y": 2.5, "s": "Hello World", "l": [1, 2, 3], "dd": {"a": 1, "b": {"c": "z"}, "items": 9}, "em": [], "n": None, "t": True,
    "u": "h\u00e9llo \u00df \u01c4 \u0391\u03a3 \u0130", "ws": " \t a b \n", "big": 1e20, "pairs": [["a", 1], ["b", 2]], "d": {"k": "v", "z": [1]},
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True,
    "messages": [{"role": "system", "content": "Be nice"},
                 {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]},
                 {"role": "assistant", "content": "  A cat.\n"}]}


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


chat_template_utils.datetime = FixedTime


def result(template):
    try:
        return {"text": chat_template_utils._cached_compile_jinja_template(template).render(**VARIABLES)}
    except Exception as error:  # whatever Python raises counts
        return {"error": type(error).__name__, **({"raised": str(error)} if type(error).__name__ == "TemplateError" else {})}


def main():
    with open(os.path.join(ROOT, "expressions.txt"), encoding="utf-8") as f:
        templates = ["{{ " + line.rstrip("\n") + " }}" for line in f]
    with open(os.path.join(ROOT, "statements.json"), encoding="utf-8") as f:
        templates += json.load(f)
    rows = [{"template": t, **result(t)} for t in templates]
    rows = [r for r in rows if " at 0x" not in r.get("text", "")]
    with open(os.path.join(ROOT, "expected.json"), "w", encoding="ascii", newline="\n") as f:
        f.write(json.dumps({"now": NOW, "variables": VARIABLES, "cases": []})[:-2] + "\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]}\n")
    print(f"jinja: {len(rows)} templates, {sum('error' in r for r in rows)} of them fail")


if __name__ == "__main__":
    main()
