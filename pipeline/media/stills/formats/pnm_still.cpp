#include "pipeline/media/stills/formats/pnm_still.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "pipeline/media/stills/byte_reader.h"

namespace reel::media {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// The words of a header or of plain pixels; comments go from # to the end of the line.
class Words {
 public:
  explicit Words(ByteReader reader) : reader_(reader) {}
  ByteReader& reader() { return reader_; }

  /// The next character that is neither white space nor in a comment.
  char character() {
    for (;;) {
      const auto c = static_cast<char>(reader_.byte());
      if (c == '#') {
        for (char in = c; in != '\n' && in != '\r';) in = static_cast<char>(reader_.byte());
      } else if (!is_space(c)) {
        return c;
      }
    }
  }

  /// A number; the one character behind it is passed over.
  int64_t number() {
    int64_t value = 0;
    size_t digits = 0;
    for (char c = character();; c = static_cast<char>(reader_.byte())) {
      if (is_space(c)) return value;
      if (c == '#' && digits > 0) {
        while (c != '\n' && c != '\r') c = static_cast<char>(reader_.byte());
        return value;
      }
      if (c < '0' || c > '9' || ++digits > 10) throw DamagedStill("it has no number where one belongs");
      value = value * 10 + (c - '0');
      if (reader_.left() == 0) return value;
    }
  }

 private:
  ByteReader reader_;
};

struct Pnm {
  bool plain, colour, bits;
  int64_t width, height, levels;  // levels: of the brightest value
  Words pixels;
};

Pnm read_header(std::string_view file) {
  const int kind = file[1] - '0';
  ByteReader reader(file);
  reader.skip(2);
  Pnm pnm{kind <= 3, kind == 3 || kind == 6, kind == 1 || kind == 4, 0, 0, 1, Words(reader)};
  pnm.width = pnm.pixels.number();
  pnm.height = pnm.pixels.number();
  if (!pnm.bits) pnm.levels = pnm.pixels.number();
  if (pnm.levels < 1 || pnm.levels > 65535)
    throw DamagedStill("its levels must be 1 to 65535, got " + std::to_string(pnm.levels));
  return pnm;
}

/// A byte for each level.
std::vector<uint8_t> table_of(const Pnm& pnm) {
  std::vector<uint8_t> table(static_cast<size_t>(pnm.levels) + 1);
  const double most = pnm.levels > 255 && !pnm.colour ? 65535 : 255;
  for (size_t level = 0; level < table.size(); ++level) {
    // Python rounds halves to even, as the processor does.
    const double value = std::nearbyint(static_cast<double>(level) / static_cast<double>(pnm.levels) * most);
    table[level] = static_cast<uint8_t>(std::min(value, 255.0));
  }
  return table;
}

StillHeader pnm_header(std::string_view file) {
  Pnm pnm = read_header(file);
  const int64_t values = pnm.width * (pnm.colour ? 3 : 1);
  const auto left = static_cast<int64_t>(pnm.pixels.reader().left());
  // A plain value takes a character, and white space unless it is a bit.
  const int64_t row = pnm.plain  ? values * (pnm.bits ? 1 : 2)
                      : pnm.bits ? (values + 7) / 8
                                 : values * (pnm.levels > 255 ? 2 : 1);
  if (row > 0 && pnm.height > (left + 1) / row) throw DamagedStill("it is cut off");
  return {pnm.height, pnm.width};
}

void pnm_pixels(std::string_view file, const StillHeader&, uint8_t* rgb) {
  Pnm pnm = read_header(file);
  const std::vector<uint8_t> table = pnm.bits ? std::vector<uint8_t>{255, 0} : table_of(pnm);
  const size_t channels = pnm.colour ? 3 : 1, copies = pnm.colour ? 1 : 3, bytes = pnm.levels > 255 ? 2 : 1;
  const auto values = static_cast<size_t>(pnm.width) * channels;
  const auto put = [&](size_t level) {
    // Pillow takes values beyond the brightest of binary files for it.
    std::fill_n(rgb, copies, table[std::min(level, table.size() - 1)]);
    rgb += copies;
  };
  for (int64_t y = 0; y < pnm.height; ++y) {
    if (pnm.plain) {
      for (size_t i = 0; i < values; ++i) {
        const int64_t level = pnm.bits ? pnm.pixels.character() - '0' : pnm.pixels.number();
        if (level < 0 || level > pnm.levels) throw DamagedStill("it has a value beyond its levels");
        put(static_cast<size_t>(level));
      }
      continue;
    }
    if (!pnm.bits && bytes == 1) {
      for (const char level : pnm.pixels.reader().take(values)) put(static_cast<uint8_t>(level));
      continue;
    }
    ByteReader line(pnm.pixels.reader().take(pnm.bits ? (values + 7) / 8 : 2 * values), /*big_endian=*/true);
    uint8_t eight = 0;
    for (size_t i = 0; i < values; ++i) {
      if (!pnm.bits) {
        put(line.number(2));
        continue;
      }
      if (i % 8 == 0) eight = line.byte();
      put(eight >> 7 & 1);
      eight = static_cast<uint8_t>(eight << 1);
    }
  }
}

}  // namespace

StillFormat pnm_format() {
  return {"PNM",
          [](std::string_view start) {
            return start.size() >= 3 && start[0] == 'P' && start[1] >= '1' && start[1] <= '6' &&
                   (is_space(start[2]) || start[2] == '#');
          },
          pnm_header, pnm_pixels};
}

}  // namespace reel::media
