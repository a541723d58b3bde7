"""Strings on which tokenizers of language models are compared: those of CLIP's cases, and odd ones of prompts."""

from tokenizer_strings import groups

LONGEST = 500  # characters; what is longer makes the golden files large and shows nothing new


def prompt_strings():
    image = ["<image>", "<image>\n", "<image>\n\n", "\n<image>", " <image> ", "a<image>b", "a <image> b", "<image>a", "<image> a",
             "<image>  a", "<image><image>", "<image>\n<image>\n", "USER: <image>\nWhat is this? ASSISTANT:",
             "USER: <image>\nWhat?\nASSISTANT: A cat.</s>USER: Why? ASSISTANT:", "<image>\u2581a", "<IMAGE>", "< image>", "<image", "image>"]
    special = ["<s>", "</s>", "<unk>", "<pad>", "<s>a", "<s> a", "a<s>", "a <s>", "a<s>b", "<s><s>", "<s> <s>", "<s>\n", "</s>\n", "\n</s>", "<s>\n\na",
               "Hello <s>.", "Hello<s>.", "</s>USER:", "</s> USER:", " </s> ", "<s></s>", "<|end|>", "<|end|>\n", "a<|end|>\n\nb", "<|end|> ", " <|end|>",
               "x <|end|> y", "<|end|><image>", "<left>", " <left>", "a  <left> b", "<right>", "<right>  b", "a <right>\n b", "a<left><right>b",
               "whole", "a whole b", "awhole", "wholeb", "a whole", "whole b", "whole,whole", " whole ", "<word>", "a <word> b", "a<word>b", " <word>"]
    space = ["  a", "   a", "a ", "a  ", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", " \n", "\n ", " \n ", "\na", "a\n", "a\n\nb", "a \n b", "a\n  b", "\t", "\ta",
             "a\tb", "\r\n", "a\r\nb", "\u00a0a", "a\u00a0 b", "\u3000a", "  \n  a  \n  ", "a" + " " * 20 + "b", " " * 30, "\n" * 20, "x\n" * 10, "def f():\n    return 1\n",
             "- a\n  - b\n    - c"]
    marks = ["\u2581", "\u2581a", "a\u2581b", "\u2581\u2581", " \u2581a", "\u2581 a", "a \u2581", "<0x0A>", "<0x41>", "<0xE2>", "\u0120a", "\u010a"]
    odd = ["\u00e9\u0301", "e\u0301\u0302\u0303", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea\U0001f1eb", "\u65e5\u672c\u8a9e\u306e\u6587", "\u4e2d\u6587 and English", "\u0e2a\u0e27",
           "\ud55c\uad6d\uc5b4", "\u1100\u1161\u11a8", "\ufffd", "a\ufffdb", "\u200b", "a\u200bb", "\ufeffa", "\u0000", "a\u0000b", "\u001f", "\u0085", "\u2028", "x" * 100, "ab" * 60, "\u00e9" * 40,
           "\U0001f600" * 20, "\u4e2d" * 50, "1" * 30, "1234567", "12 345,67", "3.14159", "2024-01-31", "\u0661\u0662\u0663", "\u00b2\u00bd\u2167", "it's we'll I'M DON'T they'Re", "\u017f's '\u017f", "_a_b", "a_b",
           "don't  'quote' \"two\"", "http://a.b/c?d=e&f", "(a)[b]{c}", "!!!", "!?!?", "...", "a...b", "\u2026\u2014\u2013", "$5.00 \u20ac6", "C++", "a+b=c", "\\n\\t", "`code`", "**bold**", "# Title\n\ntext",
           "The quick brown fox jumps over the lazy dog.", "A photograph of two cats on a red sofa.", "Describe the image in detail."]
    return {"image": image, "special": special, "space": space, "marks": marks, "odd": odd}


def strings():
    """Each string once, in order."""
    listing = [text for group in (prompt_strings(), groups()) for texts in group.values() for text in texts]
    seen = dict.fromkeys(text for text in listing if len(text) <= LONGEST)
    return list(seen)
