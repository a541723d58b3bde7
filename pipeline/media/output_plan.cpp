#include "pipeline/media/output_plan.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <stdexcept>

#include "attention/plugin/spec.h"
#include "pipeline/media/libav/encoders.h"

namespace reel::media {
namespace {

struct Container {
  const char* name;
  std::vector<std::string> codecs;  // in order of preference
};

const std::vector<Container>& containers() {
  static const std::vector<Container> all = {{"mp4", {"h264", "hevc", "av1", "vp9"}},
                                             {"webm", {"vp9", "av1"}},
                                             {"gif", {"gif"}},
                                             {"y4m", {"rawvideo"}},
                                             {"png", {"png"}}};
  return all;
}

struct Quality {
  int standard, worst;  // constant quality factors; 0 is best
};

std::optional<Quality> quality_of(const std::string& codec) {
  if (codec == "h264") return Quality{18, 51};
  if (codec == "hevc") return Quality{20, 51};
  if (codec == "vp9" || codec == "av1") return Quality{24, 63};
  return std::nullopt;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool writable(const std::string& codec) { return codec == "rawvideo" || can_encode(codec); }

const Container& find_container(const std::string& path) {
  std::string extension = lower(std::filesystem::path(path).extension().string());
  if (!extension.empty()) extension.erase(0, 1);
  std::vector<std::string> names, dotted;
  for (const Container& container : containers()) {
    if (extension == container.name) return container;
    names.emplace_back(container.name);
    dotted.push_back("." + names.back());
  }
  const std::string near = extension.empty() ? "" : nearest_name(extension, names);
  throw std::invalid_argument(
      c10::str("[", path, "] must end in ", list(dotted), ", got ",
               extension.empty() ? "no extension" : "'." + extension + "'",
               near.empty() ? "; .mp4 plays everywhere" : "; did you mean '." + near + "'?"));
}

std::string choose_codec(const std::string& path, const Container& container, const std::string& wanted) {
  if (wanted.empty()) {
    for (const std::string& codec : container.codecs) {
      if (writable(codec)) return codec;
    }
    throw std::runtime_error(
        c10::str("[", path, "] needs an encoder for ", list(container.codecs),
                 ", and this build of reel has none; write a .y4m file, or build with FFmpeg "
                 "(-DREEL_WITH_MEDIA=ON)"));
  }
  static const std::map<std::string, std::string> others = {
      {"h265", "hevc"},      {"x265", "hevc"},    {"libx265", "hevc"},   {"avc", "h264"},
      {"x264", "h264"},      {"libx264", "h264"}, {"libvpx-vp9", "vp9"}, {"libsvtav1", "av1"},
      {"libaom-av1", "av1"}, {"raw", "rawvideo"}};
  const auto other = others.find(lower(wanted));
  const std::string codec = other == others.end() ? lower(wanted) : other->second;
  if (std::find(container.codecs.begin(), container.codecs.end(), codec) == container.codecs.end()) {
    std::vector<std::string> candidates = container.codecs;
    candidates.emplace_back("h265");
    std::string near = nearest_name(lower(wanted), candidates);
    const bool elsewhere =
        quality_of(codec).has_value() || codec == "gif" || codec == "png" || codec == "rawvideo";
    if (elsewhere || near.empty() || (near == "h265" && container.codecs.size() < 2))
      near = container.codecs.front();
    throw std::invalid_argument(c10::str("[", path, "] a .", container.name, " file takes the codecs ",
                                         list(container.codecs), ", got '", wanted, "'; use ", near));
  }
  if (!writable(codec)) {
    throw std::runtime_error(
        c10::str("[", path, "] needs an encoder for ", codec,
                 ", and the FFmpeg of this build has none; leave the codec out, or install an "
                 "FFmpeg that has it"));
  }
  return codec;
}

int choose_crf(const std::string& path, const std::string& codec, int wanted) {
  const std::optional<Quality> quality = quality_of(codec);
  if (wanted == -1) return quality ? quality->standard : -1;
  if (!quality) {
    throw std::invalid_argument(
        c10::str("[", path, "] has no constant quality factor, got crf ", wanted, "; leave crf out"));
  }
  if (wanted < 0 || wanted > quality->worst) {
    throw std::invalid_argument(c10::str("[", path, "] crf must lie in 0 (best) to ", quality->worst, " for ",
                                         codec, ", got ", wanted, "; the default is ", quality->standard));
  }
  return wanted;
}

// Tag names that come back exactly as they went in, and values without a NUL, which ends a string in libav.
void check_metadata(const std::string& path, const std::string& container,
                    const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : metadata) {
    const bool plain = !key.empty() && key.size() <= 79 &&
                       std::all_of(key.begin(), key.end(), [](unsigned char c) { return c > 32 && c < 127; });
    const bool matroska = std::all_of(key.begin(), key.end(), [](unsigned char c) {
      return std::islower(c) || std::isdigit(c) || c == '_';
    });
    if (!plain) {
      throw std::invalid_argument(c10::str("[", path,
                                           "] a tag name has 1 to 79 printable ASCII characters, got '", key,
                                           "'; use names such as prompt or workflow"));
    }
    if (container == "webm" && !matroska) {
      throw std::invalid_argument(
          c10::str("[", path, "] a tag name in .webm has lower-case letters, digits and _, got '", key,
                   "', which Matroska would change; rename it or write .mp4"));
    }
    if (value.find('\0') != std::string::npos) {
      throw std::invalid_argument(c10::str("[", path, "] the tag '", key,
                                           "' must be text, got a NUL byte in it; "
                                           "encode it, for example as base64"));
    }
  }
}

}  // namespace

std::optional<PicturePattern> PicturePattern::parse(const std::string& path, const std::string& name) {
  const size_t percent = name.find('%');
  if (percent == std::string::npos) return std::nullopt;
  const size_t end = name.find_first_not_of("0123456789", percent + 1);
  const std::string digits = end == std::string::npos ? "" : name.substr(percent + 1, end - percent - 1);
  const bool fits = digits.empty() || (digits.size() == 2 && digits[0] == '0' && digits[1] != '0');
  if (end == std::string::npos || name[end] != 'd' || !fits ||
      name.find('%', percent + 1) != std::string::npos) {
    throw std::invalid_argument("[" + path + "] must hold exactly one %d or %0Nd with N from 1 to 9, got '" +
                                name + "'; use for example frame_%05d.png");
  }
  return PicturePattern{name.substr(0, percent), name.substr(end + 1), digits.empty() ? 1 : digits[1] - '0'};
}

std::optional<PicturePattern> pattern_of(const std::string& path) {
  const std::filesystem::path whole(path);
  if (lower(whole.extension().string()) != ".png") return std::nullopt;
  return PicturePattern::parse(path, whole.filename().string());
}

bool carries_tags(const std::string& path) {
  const std::string container = find_container(path).name;
  return container != "gif" && container != "y4m";
}

std::string PicturePattern::name(int64_t number) const {
  std::string text = std::to_string(number);
  if (text.size() < static_cast<size_t>(digits))
    text.insert(0, static_cast<size_t>(digits) - text.size(), '0');
  return before + text + after;
}

bool PicturePattern::matches(const std::string& name) const {
  if (name.size() < before.size() + after.size() + static_cast<size_t>(digits)) return false;
  if (name.compare(0, before.size(), before) != 0) return false;
  if (name.compare(name.size() - after.size(), after.size(), after) != 0) return false;
  return std::all_of(name.begin() + static_cast<int64_t>(before.size()),
                     name.end() - static_cast<int64_t>(after.size()),
                     [](unsigned char c) { return std::isdigit(c); });
}

OutputPlan plan_output(const std::string& path, const WriteOptions& options) {
  const Container& container = find_container(path);
  OutputPlan plan;
  plan.path = path;
  plan.container = container.name;
  plan.codec = choose_codec(path, container, options.codec);
  plan.crf = choose_crf(path, plan.codec, options.crf);
  plan.rate = to_frame_rate(path, options.fps);
  plan.metadata = options.metadata;
  plan.overwrite = options.overwrite;
  plan.before_naming = options.before_naming;
  check_metadata(path, plan.container, plan.metadata);
  if (plan.container == "gif" && plan.rate.value() > 50) {
    throw std::invalid_argument(c10::str("[", path, "] a GIF shows at most 50 frames a second, got ",
                                         options.fps, "; use fps 50 or write .mp4"));
  }
  if (plan.container == "png") {
    plan.pattern = pattern_of(path);
    if (!plan.pattern && options.frames > 1) {
      throw std::invalid_argument(c10::str("[", path, "] is one picture, got ", options.frames,
                                           " frames; use a pattern such as frame_%05d.png"));
    }
  }
  return plan;
}

std::map<std::string, std::string> output_formats() {
  std::map<std::string, std::string> formats;
  for (const Container& container : containers()) {
    const auto codec = std::find_if(container.codecs.begin(), container.codecs.end(), writable);
    if (codec != container.codecs.end()) formats[container.name] = *codec;
  }
  return formats;
}

}  // namespace reel::media
