"""Conversations written by chat templates in the manner of published ones, by transformers' apply_chat_template.

The templates in chat_templates/ are written for this purpose, with the constructs of the families that they are named after.
cases.json has, for each case, the template, its variables, and the text or the kind of the error.
"""

import datetime
import json
import os
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TZ"] = "UTC"
time.tzset()

import jinja2
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat_templates")
NOW = 1_753_747_200  # 29 July 2025


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


chat_template_utils.datetime = FixedTime


def text(role, content):
    return {"role": role, "content": content}


def parts(role, *items):
    return {"role": role, "content": [{"type": "image"} if i is None else {"type": "text", "text": i} for i in items]}


SYSTEM, USER, ASSISTANT = text("system", " Be brief. "), text("user", "What is 2 + 2?"), text("assistant", "  It is 4.\n")
CHATS = {
    "one": [USER],
    "turns": [USER, ASSISTANT, text("user", "Are you sure?\n")],
    "system": [SYSTEM, USER],
    "system_turns": [SYSTEM, USER, ASSISTANT, text("user", "Caf\u00e9 \u4e2d\u6587 \U0001f600 <b>\"x\"</b> {{ x }}")],
    "twice": [USER, text("user", "Well?")],
    "answered": [USER, ASSISTANT],
    "picture": [parts("user", None, "Describe this.")],
    "pictures": [parts("user", None, None, "Which differs?"), parts("assistant", "The second."), parts("user", "Why?", None)],
    "text_parts": [parts("system", "Look well."), parts("user", "No picture")],
    "other_role": [USER, text("critic", "Hm.")],
    "thoughts": [SYSTEM, USER, text("assistant", "<think>\n2 and 2\n</think>\n\n4"), text("user", "And 3?")],
    "thoughts_last": [USER, text("assistant", "<think>\nhm\n</think>\n\n4")],
    "empty_text": [text("system", ""), text("user", "")],
}
TOOLS = [{"type": "function", "function": {
    "name": "weather", "description": "The weather\nof a place", "parameters": {"type": "object", "required": ["place"], "properties": {
        "place": {"type": "string"}, "days": {"type": "integer"}, "units": {"type": "string", "enum": ["C", "F"]},
        "at": {"type": "array", "items": {"type": "object", "properties": {"lat": {"type": "number"}}}}}}}},
    {"type": "function", "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {"zone": {"type": ["string", "null"]}}}}}]
CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"place": "K\u00f6ln", "days": 2}}}]}
CHATS["called"] = [USER, CALL, {"role": "tool", "content": "{\"t\": 21.5}", "tool_call_id": "abcdefghi"}, text("assistant", "Warm."), text("user", "Thanks")]
CHATS["called_twice"] = [USER, {**CALL, "tool_calls": CALL["tool_calls"] * 2}]
CHATS["bad_id"] = [USER, {**CALL, "tool_calls": [{**CALL["tool_calls"][0], "id": "short"}]}]

PLAIN = ["one", "turns", "system", "system_turns", "twice", "answered", "other_role", "empty_text"]
PICTURES = ["picture", "pictures", "text_parts"]
WANTED = {
    "llava15": PICTURES, "vicuna": PLAIN + PICTURES, "chatml": PLAIN + ["picture"], "llama2": PLAIN + [("one", {"use_default_prompt": True})],
    "llama3": PLAIN + ["called", "called_twice", ("one", {"tools": TOOLS}), ("system_turns", {"tools": TOOLS, "tools_in_user_message": False}),
                       ("called", {"tools": TOOLS, "date_string": "1 Jan 2025"})],
    "mistral": PLAIN + ["called", "bad_id", ("turns", {"tools": TOOLS}), ("called", {"tools": TOOLS})],
    "zephyr": PLAIN, "gemma": PLAIN, "gemma3": PLAIN + PICTURES, "phi3": PLAIN, "smolvlm": PICTURES,
    "qwen2vl": PLAIN + PICTURES + [("pictures", {"add_vision_id": True})],
    "qwen3": PLAIN + ["thoughts", "thoughts_last", "called", ("called", {"tools": TOOLS}), ("one", {"enable_thinking": False})],
    "idefics": PICTURES, "schema": ["turns", "twice", ("one", {"tools": TOOLS}), ("system_turns", {"tools": TOOLS, "assistant_name": "Ann"})],
    "thinking": PLAIN + ["thoughts", ("system_turns", {"limit": 1}), ("system_turns", {"limit": "2"})],
}


def main():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    cases = []
    for name, wanted in WANTED.items():
        with open(os.path.join(ROOT, name + ".jinja"), encoding="utf-8") as f:
            template = f.read()
        for item in wanted:
            chat, variables = item if isinstance(item, tuple) else (item, {})
            for prompt in (True, False) if item in ("turns", "picture") else (True,):
                case = {"template": name, "chat": chat, "add_generation_prompt": prompt, "variables": {"messages": CHATS[chat], **variables}}
                try:
                    case["text"] = tokenizer.apply_chat_template(
                        CHATS[chat], chat_template=template, tokenize=False, add_generation_prompt=prompt, **variables)
                except jinja2.exceptions.TemplateError as error:
                    raised = type(error) is jinja2.exceptions.TemplateError
                    case["error"] = {"raised": str(error)} if raised else {"kind": type(error).__name__}
                except TypeError as error:
                    case["error"] = {"kind": "TypeError"}
                cases.append(case)
    with open(os.path.join(ROOT, "cases.json"), "w", encoding="ascii", newline="\n") as f:
        f.write(json.dumps({"now": NOW, "special_tokens": dict(tokenizer.special_tokens_map), "cases": []})[:-3] + "[\n")
        f.write(",\n".join(json.dumps(c) for c in cases) + "\n]}\n")
    errors = [c["error"] for c in cases if "error" in c]
    print(f"chat_templates: {len(cases)} cases, {sum('raised' in e for e in errors)} raise, {sum('kind' in e for e in errors)} fail otherwise")


if __name__ == "__main__":
    main()
