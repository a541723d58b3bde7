#include "pipeline/media/stills/foreign_file.h"

#include <algorithm>
#include <cctype>

#include "models/files/utf8.h"

namespace reel::media {
namespace {

constexpr size_t kLooked = 512;  // what is looked at

struct Mark {
  size_t at;
  std::string_view bytes;
  const char* says;
};

constexpr const char* kConvert = "; convert it to PNG or JPEG";
constexpr const char* kVideo = "is a video; save a frame of it as PNG";
constexpr const char* kSound = "is a sound file; name a picture";
constexpr const char* kArchive = "is an archive; unpack it";
constexpr const char* kNoLibraries =
    "needs the libraries of pictures, and this reel was built without them; use .bmp, .ppm, .gif, .y4m or "
    ".safetensors, or "
    "build with -DREEL_WITH_MEDIA=ON";

// The first that fits counts.
constexpr Mark kMarks[] = {
    // Read where the libraries are there.
    {0, "\xff\xd8\xff", kNoLibraries},
    {0, "\x89PNG\r\n\x1a\n", kNoLibraries},
    {8, "WEBP", kNoLibraries},
    {0, {"II*\0", 4}, kNoLibraries},
    {0, {"MM\0*", 4}, kNoLibraries},
    {4, "ftypheic", "is a HEIC picture; convert it to PNG or JPEG"},
    {4, "ftypheix", "is a HEIC picture; convert it to PNG or JPEG"},
    {4, "ftypmif1", "is a HEIF picture; convert it to PNG or JPEG"},
    {4, "ftypmsf1", "is a HEIF picture; convert it to PNG or JPEG"},
    {4, "ftypavif", "is an AVIF picture; convert it to PNG or JPEG"},
    {4, "ftypavis", "is an AVIF animation; convert its first frame to PNG"},
    {4, "ftyp", kVideo},
    {4, "moov", kVideo},
    {4, "mdat", kVideo},
    {0, "\x1a\x45\xdf\xa3", kVideo},
    {8, "AVI ", kVideo},
    {0, "FLV\x01", kVideo},
    {0, {"\0\0\1\xba", 4}, kVideo},
    {0, {"\0\0\1\xb3", 4}, kVideo},
    {0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", kVideo},
    {188, "G", nullptr},  // MPEG-TS: looked at below
    {8, "WAVE", kSound},
    {0, "ID3", kSound},
    {0, "fLaC", kSound},
    {0, "OggS", "is an Ogg file; name a picture"},
    {0, {"\0\0\0\x0cjP  ", 8}, "is a JPEG 2000 picture; convert it to PNG or JPEG"},
    {0, "\xff\x4f\xff\x51", "is a JPEG 2000 picture; convert it to PNG or JPEG"},
    {0, {"\0\0\0\x0cJXL ", 8}, "is a JPEG XL picture; convert it to PNG or JPEG"},
    {0, "\xff\x0a", "is a JPEG XL picture; convert it to PNG or JPEG"},
    {0, "8BPS", "is a Photoshop document; save it as PNG or JPEG"},
    {0, {"\0\0\1\0", 4}, "is an icon; convert it to PNG"},
    {0, {"\0\0\2\0", 4}, "is a cursor; convert it to PNG"},
    {0, "DDS ", "is a DDS texture; convert it to PNG"},
    {0, "\x76\x2f\x31\x01", "is an OpenEXR picture; convert it to PNG"},
    {0, "#?RADIANCE", "is a Radiance picture; convert it to PNG"},
    {0, "qoif", "is a QOI picture; convert it to PNG"},
    {0, "P7\n", "is a PAM picture; convert it to .ppm or PNG"},
    {0, "Pf", "is a PFM picture; convert it to .ppm or PNG"},
    {0, "PF", "is a PFM picture; convert it to .ppm or PNG"},
    {0, "/* XPM */", "is an XPM picture; convert it to PNG"},
    {0, "gimp xcf", "is a GIMP document; save it as PNG or JPEG"},
    {0, "SIMPLE  =", "is a FITS file; convert it to PNG"},
    {128, "DICM", "is a DICOM file; convert it to PNG"},
    {0, "%PDF", "is a PDF document; save its pictures as PNG or JPEG"},
    {0, "%!PS", "is a PostScript document; convert it to PNG"},
    {0, "{\\rtf", "is a text document; name a picture"},
    {0, "\xd0\xcf\x11\xe0", "is an Office document; name a picture"},
    {0, "PK\x03\x04", kArchive},
    {0, "PK\x05\x06", kArchive},
    {0, "\x1f\x8b", kArchive},
    {0, "BZh", kArchive},
    {0,
     {"\xfd"
      "7zXZ\0",
      6},
     kArchive},
    {0, "7z\xbc\xaf\x27\x1c", kArchive},
    {0, "Rar!\x1a\x07", kArchive},
    {257, "ustar", kArchive},
    {0, "\x93NUMPY", "is a NumPy array; save it as PNG, or as safetensors under the name image"},
    {0, "\x89HDF\r\n\x1a\n", "is an HDF5 file; save its pictures as PNG"},
    {0, "SQLite format 3", "is a database; name a picture"},
    {0,
     "\x7f"
     "ELF",
     "is a program; name a picture"},
    {0, "MZ", "is a program; name a picture"},
    {0, "#!", "is a script; name a picture"},
    {0, "version https://git-lfs", "is a Git LFS pointer to a file; fetch the file with git lfs pull"},
};

bool starts_as(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

/// What a text is; "" if it is none.
std::string text_kind(std::string_view start) {
  if (start.starts_with("\xef\xbb\xbf")) start.remove_prefix(3);
  const size_t first = start.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "has white space only; copy or make it again";
  start.remove_prefix(first);
  if (starts_as(start, "<!doctype html") || starts_as(start, "<html") || starts_as(start, "<head") ||
      starts_as(start, "<body"))
    return "is an HTML page; download the picture itself";
  if (starts_as(start, "<svg") || (starts_as(start, "<?xml") && start.find("<svg") != std::string_view::npos))
    return "is an SVG drawing; convert it to PNG";
  if (starts_as(start, "<?xml")) return "is an XML document; name a picture";
  std::u32string characters = models::from_utf8(start);
  if (start.size() >= kLooked - 8 && characters.back() == U'\uFFFD')
    characters.pop_back();  // cut in the middle
  const bool text = std::all_of(characters.begin(), characters.end(), [](char32_t c) {
    return (c >= U' ' && c != U'\x7f' && c != U'\uFFFD') || c == U'\n' || c == U'\r' || c == U'\t';
  });
  if (!text) return "";
  return start[0] == '{' || start[0] == '[' ? "is a JSON text; name a picture" : "is a text; name a picture";
}

}  // namespace

std::string foreign_file(std::string_view start) {
  for (const Mark& mark : kMarks) {
    if (start.size() < mark.at || start.substr(mark.at, mark.bytes.size()) != mark.bytes) continue;
    if (mark.says) return mark.says;
    if (start[0] == 'G' && start.size() > 376 && start[376] == 'G') return kVideo;
  }
  if (std::string kind = text_kind(start); !kind.empty()) return kind;
  if (start.find_first_not_of('\0') == std::string_view::npos) return "has zeros only; copy or make it again";
  std::string begin;
  for (const char c : start.substr(0, 8)) {
    constexpr const char* kDigits = "0123456789abcdef";
    begin += begin.empty() ? "" : " ";
    begin += kDigits[static_cast<unsigned char>(c) >> 4];
    begin += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return "is of no known kind (it begins with " + begin + ")" + kConvert;
}

}  // namespace reel::media
