// Pictures as Python's image processors see them: what Pillow's Image.open(...).convert("RGB") gives, turned upright.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace reel::media {

/// Height and width of a picture that is upright.
struct PictureSize {
  int64_t height = 0, width = 0;
};

/// Reads one picture: JPEG, PNG, WebP, TIFF (the first picture), BMP, GIF (the first frame), .pbm, .pgm, .ppm, .y4m
/// (`frame`, from 0), safetensors (the tensor `image`, uint8 [H, W, 3]); builds without media read from BMP on. The content
/// decides, not the name. Alpha is dropped, not blended; EXIF's or XMP's orientation is applied.
/// Returns uint8 [H, W, 3], contiguous. Source: Pillow 13; transformers' load_image.
/// Files are hostile: what they say of their size is checked before memory is taken, at most 320 MiB in all.
/// Throws: std::runtime_error "[path] ...", one sentence, if there is no such file, it is no picture, of a kind that is
/// not read, damaged, cut off, or too large; std::invalid_argument if there is no such frame.
at::Tensor read_picture(const std::string& path, int64_t frame = 0);

/// The picture in a file's content that was read already, except y4m and safetensors. `path`: for messages.
at::Tensor decode_picture(const std::string& path, std::string_view content);

/// The size that read_picture gives; throws as it does, unless only the pixels are damaged.
PictureSize picture_size(const std::string& path);

}  // namespace reel::media
