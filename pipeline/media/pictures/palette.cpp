#include "pipeline/media/pictures/palette.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reel::media {
namespace {

constexpr int kSide = 32;        // cells along each axis of the colour cube
constexpr int kRow = kSide + 1;  // of the cumulative table, which has a zero border
constexpr size_t kMostColours = 256;
constexpr int kRefinements = 4;

uint32_t pack(const uint8_t* rgb) {
  return static_cast<uint32_t>(rgb[0]) << 16 | static_cast<uint32_t>(rgb[1]) << 8 | rgb[2];
}

uint8_t round_byte(double value) { return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L)); }

}  // namespace

struct Moments {
  double count = 0, sum[3] = {0, 0, 0}, squares = 0;
  void add(const Moments& other, double sign) {
    count += sign * other.count;
    for (int c = 0; c < 3; ++c) sum[c] += sign * other.sum[c];
    squares += sign * other.squares;
  }
  double mean_energy() const {
    return count > 0 ? (sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]) / count : 0;
  }
  double variance() const { return squares - mean_energy(); }  // summed, not averaged
};

struct Box {
  std::array<int, 3> low, high;  // cells low <= i < high
  double variance = 0;
};

// Sums over boxes in constant time from a cumulative table; doubles hold these integers exactly (below 2^53).
class BoxSplitter {
 public:
  explicit BoxSplitter(const std::vector<PaletteBuilder::Cell>& cells) : table_(kRow * kRow * kRow) {
    for (int r = 1; r < kRow; ++r) {
      for (int g = 1; g < kRow; ++g) {
        Moments line;
        for (int b = 1; b < kRow; ++b) {
          const auto& cell = cells[static_cast<size_t>(((r - 1) * kSide + g - 1) * kSide + b - 1)];
          line.count += static_cast<double>(cell.count);
          for (int c = 0; c < 3; ++c) line.sum[c] += static_cast<double>(cell.sum[c]);
          line.squares += static_cast<double>(cell.squares);
          Moments& total = at(r, g, b);
          total = line;
          total.add(at(r - 1, g, b), 1);
          total.add(at(r, g - 1, b), 1);
          total.add(at(r - 1, g - 1, b), -1);
        }
      }
    }
  }

  std::vector<Colour> split(size_t most) {
    std::vector<Box> boxes = {{{0, 0, 0}, {kSide, kSide, kSide}}};
    boxes[0].variance = sum(boxes[0]).variance();
    while (boxes.size() < most) {
      const auto worst = std::max_element(boxes.begin(), boxes.end(),
                                          [](const Box& a, const Box& b) { return a.variance < b.variance; });
      if (worst->variance <= 0) break;
      Box second = *worst;
      if (!cut(*worst, second)) {
        worst->variance = 0;  // one cell, or one filled slice: no cut separates anything
        continue;
      }
      boxes.push_back(second);
    }
    std::vector<Colour> colours;
    for (const Box& box : boxes) {
      const Moments moments = sum(box);
      colours.push_back({});
      for (int c = 0; c < 3; ++c) colours.back()[c] = round_byte(moments.sum[c] / moments.count);
    }
    return colours;
  }

 private:
  Moments& at(int r, int g, int b) { return table_[static_cast<size_t>((r * kRow + g) * kRow + b)]; }

  Moments sum(const Box& box) {
    Moments total;
    for (int corner = 0; corner < 8; ++corner) {
      int index[3], lows = 0;
      for (int c = 0; c < 3; ++c) {
        const bool low = (corner >> c & 1) != 0;
        index[c] = low ? box.low[c] : box.high[c];
        lows += low;
      }
      total.add(at(index[0], index[1], index[2]), lows % 2 == 0 ? 1 : -1);
    }
    return total;
  }

  // Cuts `first` where the sum of both variances becomes least; the upper part becomes `second`.
  bool cut(Box& first, Box& second) {
    const Moments whole = sum(first);
    double best = 0;
    int best_axis = -1, best_at = 0;
    for (int axis = 0; axis < 3; ++axis) {
      Box lower = first;
      for (int at = first.low[axis] + 1; at < first.high[axis]; ++at) {
        lower.high[axis] = at;
        const Moments below = sum(lower);
        Moments above = whole;
        above.add(below, -1);
        if (below.count == 0 || above.count == 0) continue;
        const double energy = below.mean_energy() + above.mean_energy();
        if (energy > best) best = energy, best_axis = axis, best_at = at;
      }
    }
    if (best_axis < 0) return false;
    second = first;
    first.high[best_axis] = second.low[best_axis] = best_at;
    first.variance = sum(first).variance();
    second.variance = sum(second).variance();
    return true;
  }

  std::vector<Moments> table_;
};

PaletteBuilder::PaletteBuilder() : cells_(kSide * kSide * kSide) {}

void PaletteBuilder::add(const uint8_t* rgb, int64_t pixels) {
  uint32_t last = std::numeric_limits<uint32_t>::max();
  for (int64_t i = 0; i < pixels; ++i, rgb += 3) {
    Cell& cell = cells_[static_cast<size_t>(((rgb[0] >> 3) * kSide + (rgb[1] >> 3)) * kSide + (rgb[2] >> 3))];
    ++cell.count;
    for (int c = 0; c < 3; ++c) cell.sum[c] += rgb[c], cell.squares += rgb[c] * rgb[c];
    if (const uint32_t colour = pack(rgb); colour != last && distinct_.size() <= kMostColours) {
      distinct_.insert(colour);
      last = colour;
    }
  }
}

Palette PaletteBuilder::build() const {
  Palette palette;
  if (distinct_.size() <= kMostColours) {
    std::vector<uint32_t> sorted(distinct_.begin(), distinct_.end());
    std::sort(sorted.begin(), sorted.end());  // the order of a hash set is nobody's promise
    for (const uint32_t colour : sorted) {
      palette.colours.push_back({static_cast<uint8_t>(colour >> 16), static_cast<uint8_t>(colour >> 8 & 255),
                                 static_cast<uint8_t>(colour & 255)});
    }
    palette.exact = true;
    return palette;
  }
  palette.colours = BoxSplitter(cells_).split(kMostColours);
  for (int round = 0; round < kRefinements; ++round) {
    std::vector<Moments> groups(palette.colours.size());
    for (const Cell& cell : cells_) {
      if (cell.count == 0) continue;
      double mean[3], best = std::numeric_limits<double>::max();
      for (int c = 0; c < 3; ++c)
        mean[c] = static_cast<double>(cell.sum[c]) / static_cast<double>(cell.count);
      size_t nearest = 0;
      for (size_t i = 0; i < palette.colours.size(); ++i) {
        double distance = 0;
        for (int c = 0; c < 3; ++c)
          distance += (mean[c] - palette.colours[i][c]) * (mean[c] - palette.colours[i][c]);
        if (distance < best) best = distance, nearest = i;
      }
      groups[nearest].count += static_cast<double>(cell.count);
      for (int c = 0; c < 3; ++c) groups[nearest].sum[c] += static_cast<double>(cell.sum[c]);
    }
    for (size_t i = 0; i < groups.size(); ++i) {
      if (groups[i].count == 0) continue;
      for (int c = 0; c < 3; ++c) palette.colours[i][c] = round_byte(groups[i].sum[c] / groups[i].count);
    }
  }
  return palette;
}

PaletteMapper::PaletteMapper(Palette palette) : palette_(std::move(palette)) {
  if (palette_.exact) {
    for (size_t i = 0; i < palette_.colours.size(); ++i)
      exact_[pack(palette_.colours[i].data())] = static_cast<uint8_t>(i);
  } else {
    cache_.assign(64 * 64 * 64, -1);
  }
}

uint8_t PaletteMapper::nearest(const int* rgb) {
  int16_t& known = cache_[static_cast<size_t>((rgb[0] >> 2 << 12) | (rgb[1] >> 2 << 6) | (rgb[2] >> 2))];
  if (known >= 0) return static_cast<uint8_t>(known);
  int best = std::numeric_limits<int>::max();
  for (size_t i = 0; i < palette_.colours.size(); ++i) {
    int distance = 0;
    for (int c = 0; c < 3; ++c) {
      const int difference = (rgb[c] & ~3) + 2 - palette_.colours[i][c];  // for the middle of the cached cell
      distance += difference * difference;
    }
    if (distance < best) best = distance, known = static_cast<int16_t>(i);
  }
  return static_cast<uint8_t>(known);
}

void PaletteMapper::map_exact(const uint8_t* rgb, int64_t width, uint8_t* indices) const {
  for (int64_t i = 0; i < width; ++i) indices[i] = exact_.at(pack(rgb + 3 * i));
}

void PaletteMapper::map(const uint8_t* rgb, int64_t height, int64_t width, uint8_t* indices, int64_t stride) {
  // Errors in sixteenths, with one column of margin on either side.
  std::vector<int> errors(static_cast<size_t>(3 * (width + 2))), below(errors.size());
  for (int64_t row = 0; row < height; ++row, rgb += 3 * width, indices += stride) {
    if (palette_.exact) {
      map_exact(rgb, width, indices);
      continue;
    }
    std::fill(below.begin(), below.end(), 0);
    const int64_t step = row % 2 == 0 ? 1 : -1;
    for (int64_t i = step > 0 ? 0 : width - 1; i >= 0 && i < width; i += step) {
      int wanted[3];
      int* error = errors.data() + 3 * (i + 1);
      int* under = below.data() + 3 * (i + 1);
      for (int c = 0; c < 3; ++c) wanted[c] = std::clamp(rgb[3 * i + c] + (error[c] + 8) / 16, 0, 255);
      indices[i] = nearest(wanted);
      const Colour& colour = palette_.colours[indices[i]];
      for (int c = 0; c < 3; ++c) {
        const int off = wanted[c] - colour[c];
        error[c + 3 * step] += 7 * off;
        under[c - 3 * step] += 3 * off;
        under[c] += 5 * off;
        under[c + 3 * step] += off;
      }
    }
    errors.swap(below);
  }
}

}  // namespace reel::media
