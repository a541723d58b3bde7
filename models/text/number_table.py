"""Tables of numbers in C++, for the scripts that write *.inc files of characters."""

POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]  # all characters


def table(name, comment, numbers, kind="uint32_t"):
    lines, line = [], " "
    for text in (f" {n:#x}," if n > 9 else f" {n}," for n in numbers):
        if len(line) + len(text) > 110:
            lines.append(line)
            line = " "
        line += text
    lines.append(line)
    body = "\n".join(lines)
    return f"// {comment}\nstatic constexpr {kind} {name}[] = {{\n{body}\n}};\n"
