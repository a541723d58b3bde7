#include "models/text/tokenizers/stages/token_pattern.h"

#include <algorithm>
#include <stdexcept>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "models/files/strict_json.h"
#include "models/text/tokenizers/stages/pattern_syntax.h"

namespace reel::models {

namespace {

// What one match may take: an untrusted expression can need exponential time.
constexpr uint32_t kMostSteps = 10'000'000;
constexpr uint32_t kMostHeapKib = 64 << 10;

}  // namespace

struct TokenPattern::Program {
  std::string place;
  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;

  ~Program() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }
};

TokenPattern TokenPattern::expression(const std::string& pattern, const std::string& place) {
  const std::string translated = translated_pattern(pattern, place);
  auto program = std::make_shared<Program>();
  program->place = place;
  int fault = 0;
  PCRE2_SIZE offset = 0;
  program->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &fault, &offset, nullptr);
  if (program->code == nullptr) {
    PCRE2_UCHAR words[200] = {};
    pcre2_get_error_message(fault, words, sizeof words);
    throw std::runtime_error("[" + place + "] has the expression '" + shown(pattern) +
                             "', which is malformed: " + reinterpret_cast<const char*>(words) +
                             "; fetch the file again");
  }
  program->limits = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(program->limits, kMostSteps);
  pcre2_set_heap_limit(program->limits, kMostHeapKib);
  TokenPattern made;
  made.program_ = std::move(program);
  return made;
}

TokenPattern TokenPattern::literal(std::string text) {
  TokenPattern made;
  made.literal_ = std::move(text);
  return made;
}

std::vector<TextRange> TokenPattern::cut(std::string_view utf8) const {
  std::vector<TextRange> ranges;
  size_t done = 0;
  const auto put = [&](size_t begin, size_t end) {
    if (done < begin) ranges.push_back({done, begin, false});
    if (begin < end) ranges.push_back({begin, end, true});
    done = end;
  };
  if (!program_) {
    for (size_t at; (at = utf8.find(literal_, done)) != std::string_view::npos;)
      put(at, at + literal_.size());
  } else {
    const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> data(
        pcre2_match_data_create(1, nullptr), pcre2_match_data_free);
    for (size_t at = 0; at <= utf8.size();) {
      // Checked once by whoever made the text; PCRE2 would check all of it each time.
      const int found = pcre2_match(program_->code, reinterpret_cast<PCRE2_SPTR>(utf8.data()), utf8.size(),
                                    at, PCRE2_NO_UTF_CHECK, data.get(), program_->limits);
      if (found == PCRE2_ERROR_NOMATCH) break;
      if (found < 0) {
        throw std::runtime_error(
            "[" + program_->place + "] has an expression that takes too much work on a text of " +
            std::to_string(utf8.size()) + " bytes; shorten the text, or is it the right file?");
      }
      const PCRE2_SIZE* place = pcre2_get_ovector_pointer(data.get());
      put(place[0], place[1]);
      at = place[1];
      if (place[0] == place[1]) {  // an empty match: the next one lies behind the next character
        do {
          ++at;
        } while (at < utf8.size() && (utf8[at] & 0xC0) == 0x80);
      }
    }
  }
  put(utf8.size(), utf8.size());
  return ranges;
}

std::string pattern_library_version() {
  std::string version(64, '\0');
  const int length = pcre2_config(PCRE2_CONFIG_VERSION, version.data());  // the zero at its end counts
  return version.substr(0, static_cast<size_t>(std::max(length, 1) - 1));
}

}  // namespace reel::models
