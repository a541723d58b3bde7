// Above 300 lines because Python has many operations on texts, a few lines each.
#include "models/text/jinja/values/python_text.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "models/files/utf8.h"
#include "models/text/jinja/values/python_text.inc"
#include "models/text/unicode.h"

namespace reel::models::jinja {

namespace {

constexpr uint32_t kCaseMask = 3, kPassedOver = 4, kPrintable = 8;
constexpr char32_t kSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;

uint32_t case_flags(char32_t point) {
  const uint32_t last = static_cast<uint32_t>(point) << 4 | 15;
  return std::upper_bound(std::begin(kCaseRuns), std::end(kCaseRuns), last)[-1] & 15;
}

// The one character that a table of runs [first, last, step, target] maps to; 0 if it has none.
template <size_t N>
char32_t mapped_in_runs(const uint32_t (&runs)[N], char32_t point) {
  size_t low = 0, high = N / 4;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (runs[middle * 4] <= point) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return 0;
  const uint32_t* run = runs + (low - 1) * 4;
  return point <= run[1] && (point - run[0]) % run[2] == 0 ? run[3] + (point - run[0]) : 0;
}

template <size_t N>
bool append_special(const uint32_t (&records)[N], char32_t point, std::u32string& text) {
  for (size_t i = 0; i < N; i += 4) {
    if (records[i] != point) continue;
    for (size_t k = 1; k < 4 && records[i + k] != 0; ++k) text += static_cast<char32_t>(records[i + k]);
    return true;
  }
  return false;
}

void append_upper(char32_t point, std::u32string& text) {
  if (point >= 0x80 && append_special(kUpperSpecial, point, text)) return;
  const char32_t mapped = mapped_in_runs(kUpperRuns, point);
  text += mapped != 0 ? mapped : point;
}

void append_title(char32_t point, std::u32string& text) {
  if (point >= 0x80 && append_special(kTitleSpecial, point, text)) return;
  if (const char32_t mapped = mapped_in_runs(kTitleRuns, point)) {
    text += mapped;
  } else {
    append_upper(point, text);
  }
}

// A sigma is written in its final form behind a letter and before none.
bool is_final_sigma(std::u32string_view text, size_t at) {
  size_t before = at;
  while (before > 0 && (case_flags(text[before - 1]) & kPassedOver)) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  size_t after = at + 1;
  while (after < text.size() && (case_flags(text[after]) & kPassedOver)) ++after;
  return after == text.size() || !is_cased(text[after]);
}

void append_lower(std::u32string_view whole, size_t at, std::u32string& text) {
  const char32_t point = whole[at];
  if (point == kSigma) {
    text += is_final_sigma(whole, at) ? kFinalSigma : kSmallSigma;
  } else if (point == 0x130) {
    text += U"i\u0307";
  } else {
    const char32_t mapped = mapped_in_runs(kLowerCaseRuns, point);
    text += mapped != 0 ? mapped : point;
  }
}

bool is_line_end(char32_t point) {
  return (point >= 0x0A && point <= 0x0D) || (point >= 0x1C && point <= 0x1E) || point == 0x85 ||
         point == 0x2028 || point == 0x2029;
}

}  // namespace

bool is_python_space(char32_t point) { return is_space(point) || (point >= 0x1C && point <= 0x1F); }
bool is_printable(char32_t point) { return (case_flags(point) & kPrintable) != 0; }
bool is_cased(char32_t point) { return (case_flags(point) & kCaseMask) != 0; }
bool is_lower(char32_t point) { return (case_flags(point) & kCaseMask) == 1; }
bool is_upper(char32_t point) { return (case_flags(point) & kCaseMask) == 2; }
bool is_title(char32_t point) { return (case_flags(point) & kCaseMask) == 3; }

std::string upper_text(std::string_view text) {
  std::u32string result;
  for (const char32_t point : from_utf8(text)) append_upper(point, result);
  return to_utf8(result);
}

std::string lower_text(std::string_view text) {
  const std::u32string points = from_utf8(text);
  std::u32string result;
  for (size_t i = 0; i < points.size(); ++i) append_lower(points, i, result);
  return to_utf8(result);
}

std::string title_text(std::string_view text) {
  const std::u32string points = from_utf8(text);
  std::u32string result;
  bool inside = false;  // behind a letter
  for (size_t i = 0; i < points.size(); ++i) {
    if (inside) {
      append_lower(points, i, result);
    } else {
      append_title(points[i], result);
    }
    inside = is_cased(points[i]);
  }
  return to_utf8(result);
}

std::string capitalized_text(std::string_view text) {
  const std::u32string points = from_utf8(text);
  std::u32string result;
  for (size_t i = 0; i < points.size(); ++i) {
    if (i == 0) {
      append_title(points[i], result);
    } else {
      append_lower(points, i, result);
    }
  }
  return to_utf8(result);
}

int64_t length_of(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; });
}

size_t byte_of(std::string_view text, int64_t index) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((text[at] & 0xC0) != 0x80 && index-- == 0) return at;
  }
  return at;
}

std::string strip_text(std::string_view text, std::optional<std::string_view> characters, Side side) {
  const std::u32string points = from_utf8(text);
  const std::u32string set = characters ? from_utf8(*characters) : std::u32string();
  const auto goes = [&](char32_t point) {
    return characters ? set.find(point) != std::u32string::npos : is_python_space(point);
  };
  size_t begin = 0, end = points.size();
  while (side != Side::kRight && begin < end && goes(points[begin])) ++begin;
  while (side != Side::kLeft && begin < end && goes(points[end - 1])) --end;
  return to_utf8(std::u32string_view(points).substr(begin, end - begin));
}

std::vector<std::string> split_text(std::string_view text, std::optional<std::string_view> separator,
                                    int64_t most) {
  std::vector<std::string> parts;
  if (separator) {
    if (separator->empty()) throw Fault(FaultKind::kType, "splits by an empty separator");
    size_t begin = 0;
    for (size_t at; most != 0 && (at = text.find(*separator, begin)) != std::string_view::npos; --most) {
      parts.emplace_back(text.substr(begin, at - begin));
      begin = at + separator->size();
    }
    parts.emplace_back(text.substr(begin));
    return parts;
  }
  const std::u32string points = from_utf8(text);
  const std::u32string_view view = points;
  size_t at = 0;
  while (true) {
    while (at < view.size() && is_python_space(view[at])) ++at;
    if (at == view.size()) return parts;
    if (most-- == 0) break;
    const size_t begin = at;
    while (at < view.size() && !is_python_space(view[at])) ++at;
    parts.push_back(to_utf8(view.substr(begin, at - begin)));
  }
  size_t end = view.size();
  while (end > at && is_python_space(view[end - 1])) --end;
  parts.push_back(to_utf8(view.substr(at, end - at)));
  return parts;
}

std::vector<std::string> split_text_right(std::string_view text, std::optional<std::string_view> separator,
                                          int64_t most) {
  std::vector<std::string> parts;
  if (separator) {
    if (separator->empty()) throw Fault(FaultKind::kType, "splits by an empty separator");
    size_t end = text.size();
    while (most-- != 0 && end >= separator->size()) {
      const size_t at = text.substr(0, end).rfind(*separator);
      if (at == std::string_view::npos) break;
      parts.emplace_back(text.substr(at + separator->size(), end - at - separator->size()));
      end = at;
    }
    parts.emplace_back(text.substr(0, end));
  } else {
    const std::u32string points = from_utf8(text);
    const std::u32string_view view = points;
    size_t end = view.size();
    while (true) {
      while (end > 0 && is_python_space(view[end - 1])) --end;
      if (end == 0) break;
      if (most-- == 0) {
        size_t begin = 0;
        while (is_python_space(view[begin])) ++begin;
        parts.push_back(to_utf8(view.substr(begin, end - begin)));
        break;
      }
      size_t begin = end;
      while (begin > 0 && !is_python_space(view[begin - 1])) --begin;
      parts.push_back(to_utf8(view.substr(begin, end - begin)));
      end = begin;
    }
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string> lines_of(std::string_view text, bool keep_ends) {
  const std::u32string points = from_utf8(text);
  const std::u32string_view view = points;
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < view.size();) {
    size_t end = begin;
    while (end < view.size() && !is_line_end(view[end])) ++end;
    size_t next = std::min(end + 1, view.size());
    if (end + 1 < view.size() && view[end] == U'\r' && view[end + 1] == U'\n') ++next;
    lines.push_back(to_utf8(view.substr(begin, (keep_ends ? next : end) - begin)));
    begin = next;
  }
  return lines;
}

std::string replace_text(std::string_view text, std::string_view from, std::string_view to, int64_t most,
                         Budget& budget) {
  std::string result;
  size_t done = 0;
  const auto put = [&](size_t until, bool replaced) {
    budget.make(until - done + (replaced ? to.size() : 0));
    result += text.substr(done, until - done);
    if (replaced) result += to;
    done = until;
  };
  if (from.empty()) {
    for (size_t at = 0; at <= text.size() && most != 0; --most) {
      put(at, true);
      do {
        ++at;
      } while (at < text.size() && (text[at] & 0xC0) == 0x80);
    }
  } else {
    for (size_t at; most != 0 && (at = text.find(from, done)) != std::string_view::npos; --most) {
      put(at, true);
      done += from.size();
    }
  }
  put(text.size(), false);
  return result;
}

int64_t count_text(std::string_view text, std::string_view part) {
  if (part.empty()) return length_of(text) + 1;
  int64_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) ++count;
  return count;
}

std::string quoted_text(std::string_view text) {
  const bool single = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = single ? '"' : '\'';
  std::string result(1, quote);
  char escape[16];
  for (const char32_t point : from_utf8(text)) {
    if (point == static_cast<char32_t>(quote) || point == U'\\') {
      result += '\\';
      result += static_cast<char>(point);
    } else if (point == U'\n') {
      result += "\\n";
    } else if (point == U'\r') {
      result += "\\r";
    } else if (point == U'\t') {
      result += "\\t";
    } else if (is_printable(point)) {
      append_utf8(result, point);
    } else {
      const char* form = point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(escape, sizeof escape, form, static_cast<unsigned>(point));
      result += escape;
    }
  }
  return result + quote;
}

}  // namespace reel::models::jinja
