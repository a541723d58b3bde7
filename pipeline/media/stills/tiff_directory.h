// The first directory of a TIFF file, which is also the form of EXIF.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

namespace reel::media {

/// Tags with whole numbers (bytes, shorts, longs); of several values the first.
struct TiffDirectory {
  std::map<int, int64_t> values;
  int64_t get(int tag, int64_t absent) const;
};

constexpr int kTiffWidth = 256, kTiffHeight = 257, kTiffBits = 258, kTiffOrientation = 274,
              kTiffSamples = 277;

/// `bytes`: from the mark II or MM on; not BigTIFF. Entries beyond the end are left out, as Pillow does.
/// Throws: DamagedStill if there is no mark or no directory.
/// Source: TIFF 6.0, section 2.
TiffDirectory tiff_directory(std::string_view bytes);

}  // namespace reel::media
