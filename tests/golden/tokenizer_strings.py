"""The strings of the tokenizer cases, in named groups."""

import unicodedata

with_marks = "é ü ñ ç å ö ø ǖ ệ ṩ Å Ω ﬁ"


def groups():
    g = {}
    g["plain"] = [
        "", "a", "A", "cat", "Cat", "CAT", "a cat", "a photo of a cat", "A Photo Of A Cat", "the quick brown fox",
        "a small red car drives along the coast road at sunset", "photorealistic", "antidisestablishmentarianism",
        "zzzzzzzzzz", "qxj", "running jumping flying", "colour colours coloured", "the the the", "aaaaaaaaaaaaaaa",
        "abcabcabcabc", "inging", "thethe", "snow-covered", "hand_made", "CamelCaseWord", "mixedCASEtext", "x y z",
        "hello, world!", "masterpiece, best quality, (ultra detailed:1.2), [soft light]", "lora:<name:0.7>",
        "A corgi walking in the park. It's sunny; leaves fall...", "prompt AND other BREAK more"]
    g["spaces"] = [
        " ", "  ", "          ", " a", "a ", " a ", "a  b", "a   b", "\t", "\n", "a\tb", "a\nb", "a\r\nb", "a\rb",
        "\n\n\na\n\n", "a \t\n b", "\u000b", "a\u000bb", "a\u000cb", "a\u0085b", "a\u00a0b", "\u00a0", "a\u1680b",
        "a\u2000b", "a\u2003b", "a\u2009b", "a\u200ab", "a\u2028b", "a\u2029b", "a\u202fb", "a\u205fb", "a\u3000b",
        "\u3000a\u3000", "a \u00a0 b", "\u2028", "a\u180eb", "a\u200bb", "a\u2060b", "a\ufeffb", "\ufeffa",
        "a\u001cb", "a\u001db", "a\u001eb", "a\u001fb", "! !", "!  !", "! \n !", ". a", "1 2", "1  2"]
    g["punctuation"] = [
        "!", "!!", "!!!", "!!!!!!!!!!", "?!", "...", "a.", "a...b", "a.b.c", ",,,", "(a)", "((a))", "[a]", "{a}",
        "a-b", "a--b", "a_b", "a__b", "#a", "##", "@a", "a@b.com", "$5", "5%", "50% off!", "a&b", "a*b", "a+b", "a=b",
        "a/b", "a\\b", "a|b", "a~b", "a^b", "a`b", "`a`", "\"a\"", "'a'", "\u201ca\u201d", "\u2018a\u2019", "a;b:c",
        "<a>", "<<>>", "<|", "|>", "<||>", "a\u2013b\u2014c", "\u2026", "\u00bfqu\u00e9?", "\u00a1hola!", "\u00ab\u00bb",
        "\u3001\u3002", "\uff01\uff1f", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "+-*/", "\u00d7\u00f7\u00b1", "\u20ac\u00a3\u00a5",
        "\u2192\u2190", "\u221e\u2211\u222b", "\u00a9\u00ae\u2122", "https://example.com/a?b=c&d=1#e"]
    g["numbers"] = [
        "0", "1", "10", "123", "1234567890", "007", "3.14", "1,000,000", "1e-5", "-1", "+1", "1/2", "2024-05-17",
        "12:30", "4k", "8K", "35mm", "f/1.8", "a1b2c3", "1st 2nd 3rd", "\u00bd\u00bc", "\u00b2\u00b3", "x\u00b2", "\u2460\u2461",
        "\u2167", "\u216b\u217b", "\u0661\u0662\u0663", "\u0967\u0968", "\u4e00\u4e8c", "\uff11\uff12", "\U0001d7d8\U0001d7d9",
        "1a", "a1", "1'", "1's", "1.", ".1"]
    g["contractions"] = [
        "it's", "don't", "they're", "we've", "I'm", "you'll", "he'd", "it 's", "it' s", "its'", "'s", "'t", "'re", "'ve",
        "'m", "'ll", "'d", "'S", "'RE", "IT'S", "DON'T", "'st", "'sat", "'than", "'revel", "'meter", "'llama", "'dog",
        "''s", "'s's's", "!'s", "a!'s", "1's", "'", "''", "'''", "'x", "'1", "rock'n'roll", "y'all'd've", "it\u2019s",
        "don\u2019t", "'l", "'v", "'r", "'re's", "\u00e9's", "\u4e2d's", "\u017f's", "'\u017f", "s's", "-'s-", "'\u0301s",
        "'\u212aelvin"]
    g["latin"] = [
        "caf\u00e9", "cafe\u0301", "CAF\u00c9", "na\u00efve fa\u00e7ade", "stra\u00dfe", "STRASSE", "STRA\u1e9eE", "\u0153uvre",
        "\u00c6sir", "\u00c5ngstr\u00f6m", "\u212b", "\u00f1and\u00fa", "\u0141\u00f3d\u017a", "\u010de\u0161tina", "ti\u1ebfng Vi\u1ec7t", "\u0130stanbul", "\u0131",
        "I\u0307", "i\u0307", "DI\u015e", "\u01c4 \u01c5 \u01c6", "\u01c7\u01c8\u01c9", "\ufb01\ufb02", "\u0149", "\u017f", "\u1e9e", "\u00df", "\u023a", "\u2c65",
        with_marks, unicodedata.normalize("NFD", with_marks), with_marks.upper()]
    g["greek"] = [
        "\u03b1\u03b2\u03b3", "\u0391\u0392\u0393", "\u039f\u0394\u039f\u03a3", "\u03a3", "\u03a3\u03a3", "\u0391\u03a3 \u03a3\u0391\u03a3", "\u03bb\u03cc\u03b3\u03bf\u03c2",
        "\u039b\u038c\u0393\u039f\u03a3", "\u1fb3", "\u1fbc", "\u1f88", "\u0390", "\u1fd3", "\u2126", "\u00b5 \u03bc", "\u03b1\u0345\u0301", "\u0387", "\u037e"]
    g["scripts"] = [
        "\u043f\u0440\u0438\u0432\u0435\u0442", "\u041f\u0420\u0418\u0412\u0415\u0422 \u041c\u0418\u0420", "\u0439 \u0438\u0306", "\u0401\u043b\u043a\u0430", "\u0540\u0561\u0575\u0565\u0580\u0565\u0576",
        "\u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8", "\u1ca5\u1c90\u1ca0\u1c97", "\u10a0\u2d00", "\u13a0\u13a1 \uab70", "\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05bc\u05c1", "\ufb2c", "\u0645\u0631\u062d\u0628\u0627",
        "\u0645\u0650\u0631\u0652", "\u0644\u0627 \ufefb", "\u200f\u05d0\u200e a", "\u0628\u0650\u0633\u0652\u0645\u0650", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0915\u093c \u0958", "\u09a8\u09ae\u09b8\u09cd\u0995\u09be\u09b0", "\u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd",
        "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0e99\u0ec9\u0eb3", "\u0f56\u0f7c\u0f51", "\u1019\u103c\u1014\u103a\u1019\u102c", "\u17a2\u1780\u17d2\u179f\u179a", "\u12a0\u121b\u122d\u129b", "\u4f60\u597d\u4e16\u754c",
        "\u732b\u304c\u597d\u304d", "\u30ab\u30bf\u30ab\u30ca", "\uff76\uff9e", "\u30ac \u30ab\u3099", "\u3071\u309a", "\uc548\ub155", "\u110b\u1161\u11ab\u1102\u1167\u11bc", "\u1100\u1161 \uac00\u11a8", "\uf900 \u8c48",
        "\U0002f800", "\U00020000\U0002a6d6", "\uff21\uff22\uff41", "\U00010400\U00010428", "\U0001e900\U0001e922", "\U0001d400\U0001d41a", "\ua640\ua641",
        "\u2c00\u2c30", "\u2160\u2170", "\u24b6\u24d0", "abc\u4e2d\u6587def", "a\u3042b", "1\u4e2d2", "\u4e2d1\u6587"]
    g["marks"] = [
        "e\u0301", "\u0301", "\u0301e", "e\u0301\u0302", "e\u0302\u0301", "a\u0323\u0302", "a\u0302\u0323", "\u1ea1\u0302", "\u00e2\u0323", "q\u0307\u0323", "q\u0323\u0307",
        "o\u0308\u0304", "o\u0304\u0308", "\u0344", "\u0958", "\u2adc", "x\u0338", "\u2260 =\u0338", "\u1e9b\u0323", "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334", "a\u034f\u0301",
        "n\u20d0", "\u0e33", "a\u0301b\u0301c\u0301", " \u0301", "1\u0301", "!\u0301", "\u4e2d\u0301", "a\u0345\u0334", "\u212a\u0301"]
    g["emoji"] = [
        "\U0001f600", "\U0001f600\U0001f600", "a\U0001f600b", "\U0001f600 \U0001f600", "\u2764", "\u2764\ufe0f", "\U0001f44d\U0001f3fd",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f1eb\U0001f1f7", "\U0001f1fa\U0001f1f8\U0001f1e9\U0001f1ea",
        "1\ufe0f\u20e3", "#\ufe0f\u20e3", "\u00a9\ufe0f", "\U0001f9d1\U0001f3ff\u200d\U0001f680", "\U0001f3f4\U000e0067\U000e0062\U000e007f", "\u263a!", "cat\U0001f431", "\U0001faE0"]
    g["invisible"] = [
        "\u0000", "a\u0000b", "\u0001\u0002", "\u0007", "a\u0008b", "\u001b[0m", "\u007f", "a\u007fb", "\u0080\u009f", "a\u00adb", "a\u200cb",
        "a\u200db", "\u200b", "\u200b\u200b", "a \u200b b", "\u200e\u200f", "\u202aa\u202c", "\u2066a\u2069", "\u206a", "\ufffe", "\uffff", "\ufffd", "a\ufffdb",
        "\ue000", "\uf8ff", "\U000f0000", "\U0010fffd", "\U0010ffff", "\U0010fffea", "\ud7ff", "\ufdd0", "\U000e0001", "\ufff9a\ufffb", "\u034f", "\u115f", "\u3164"]
    g["markup"] = [
        "&amp;", "&lt;b&gt;", "&quot;a&quot;", "&#39;", "&#x27;", "&nbsp;", "&amp;amp;", "&eacute;", "<b>bold</b>", "<br/>", "a &amp; b", "&", "&;",
        "\\n", "\\u0041", "%20", "{\"a\": 1}", "$x^2$", "**bold**", "a\\tb"]
    g["special_tokens"] = [
        "<|endoftext|>", "<|startoftext|>", "<|startoftext|>a<|endoftext|>", "a<|endoftext|>b", "a <|endoftext|> b",
        " <|endoftext|> ", "a<|endoftext|>", "<|endoftext|>a", "<|endoftext|><|endoftext|>", "<|endoftext|> <|endoftext|>",
        "<|ENDOFTEXT|>", "<|EndOfText|>", "<|Startoftext|>", "a<|STARTOFTEXT|>b", "!<|startoftext|>!", "<|startoftext|>'s", "<|startoftext|",
        "|startoftext|>", "<|endoftext", "<|endof text|>", "<| endoftext |>", "<<|endoftext|>>", "<|endoftext|>'s", "'<|endoftext|>",
        "<|endoftex\u0301t|>", "<|end\u200boftext|>", "<|\u212astartoftext|>", "e<|endoftext|>\u0301", "\u0301<|endoftext|>", "<|pad|>", "</w>", "a</w>",
        "the</w>", "\u0120a", "<|startoftext|> \n <|endoftext|>", "<|startoftext|>\u00a0<|endoftext|>", "<|\uff53tartoftext|>", "!!<|STARTOFTEXT|>",
        "<|startofte\u00d7t|>", "<|\u017ftartoftext|>"]
    # Letters that Unicode added lately, and combining marks that are newer than the normaliser's tables.
    g["recent_unicode"] = [
        "\ua7cb", "\ua7da\ua7db", "\u1c89", "\ua7ce", "\U00016ea0", "\U00010d50", "\U0001e5d0", "\U000323b0", "\U00031350", "\u088f", "a\u1df6\u0334",
        "a\u0345\u0898", "a\U00010d24\u0334", "\U00011935\U00011930", "a\u1ac1\u0323"]
    words = "a quick brown fox runs over 12 hills, it's fine! caf\u00e9 \u4e2d\u6587 "
    g["long"] = [
        (words * 250)[:10000], "a" * 300, "ab" * 200, "!" * 300, "1" * 150, "\u00e9" * 100, "\U0001f600" * 60, " " * 2000 + "a",
        "the " * 200, "a\u0301" * 60, "a" + "\u0301\u0323" * 40, "x" * 257, "photorealistic" * 20, "-" * 64 + "a" * 64 + "1" * 64]
    return g
