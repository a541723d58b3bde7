#include "models/vision/image_processor.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <stdexcept>

namespace reel::models {
namespace {

constexpr int64_t kMostResultPixels = int64_t{1} << 26;

int64_t floor_half(int64_t value) { return value >= 0 ? value / 2 : -((1 - value) / 2); }

/// The canvas on which the picture is resized.
Canvas canvas_of(const ImageSteps& steps, Size picture) {
  Canvas canvas{.size = picture, .colour = steps.background};
  if (!steps.pad_to_square) return canvas;
  const int64_t side = std::max(picture.height, picture.width);
  canvas.size = {side, side};
  canvas.top = (side - picture.height) / 2, canvas.left = (side - picture.width) / 2;
  return canvas;
}

/// What do_resize makes of a canvas.
Size resized(const ImageSteps& steps, Size canvas) {
  if (steps.size) return *steps.size;
  if (steps.shortest_edge == 0) return canvas;
  const int64_t edge = steps.shortest_edge, shorter = std::min(canvas.height, canvas.width),
                longer = std::max(canvas.height, canvas.width);
  // Python's int(edge * longer / shorter): an exact product, one rounding, cut.
  const auto other = static_cast<int64_t>(static_cast<double>(edge * longer) / static_cast<double>(shorter));
  return canvas.width <= canvas.height ? Size{other, edge} : Size{edge, other};
}

}  // namespace

ImageProcessor::ImageProcessor(ImageSteps steps) : steps_(std::move(steps)) {
  for (size_t c = 0; c < 3; ++c) {
    for (size_t byte = 0; byte < 256; ++byte) {
      // numpy: the product in double, then single precision throughout.
      auto value = static_cast<float>(byte);
      if (steps_.rescale) value = static_cast<float>(static_cast<double>(byte) * *steps_.rescale);
      if (steps_.normal) {
        value =
            (value - static_cast<float>(steps_.normal->mean[c])) / static_cast<float>(steps_.normal->std[c]);
      }
      values_[c][byte] = value;
    }
  }
}

ImageProcessor ImageProcessor::read(const std::string& folder, const std::string& aspect_ratio) {
  return ImageProcessor(read_image_steps(image_processor_config(folder), aspect_ratio));
}

Size ImageProcessor::result_size(Size picture) const {
  const Size size = steps_.crop ? *steps_.crop : resized(steps_, canvas_of(steps_, picture).size);
  if (size.height > kMostResultPixels / size.width) {
    throw std::invalid_argument(c10::str("[image processor] must make pictures of at most 2^26 pixels, got ",
                                         size.height, "x", size.width, " from one of ", picture.height, "x",
                                         picture.width, "; cut the picture, or set do_center_crop"));
  }
  return size;
}

void ImageProcessor::fill(const at::Tensor& picture, float* values) const {
  const Size own{picture.size(0), picture.size(1)}, out = result_size(own);
  const Canvas canvas = canvas_of(steps_, own);
  const Size size = resized(steps_, canvas.size);
  // The part of the result that the resized picture covers: rows top to bottom of the result, the rest is zero.
  const int64_t top = floor_half(size.height - out.height), left = floor_half(size.width - out.width);
  const Window window{std::max<int64_t>(top, 0), std::max<int64_t>(left, 0),
                      std::min(size.height, out.height), std::min(size.width, out.width)};
  const int64_t down = std::max<int64_t>(-top, 0), across = std::max<int64_t>(-left, 0);
  const at::Tensor bytes = resample(picture, canvas, size, window, steps_.filter);
  const uint8_t* from = bytes.const_data_ptr<uint8_t>();
  for (int64_t c = 0; c < 3; ++c) {
    const auto& table = values_[static_cast<size_t>(c)];
    float* const plane = values + c * out.height * out.width;
    if (window.height < out.height || window.width < out.width)
      std::fill(plane, plane + out.height * out.width, table[0]);
    for (int64_t y = 0; y < window.height; ++y) {
      const uint8_t* row = from + y * window.width * 3 + c;
      float* to = plane + (down + y) * out.width + across;
      for (int64_t x = 0; x < window.width; ++x) to[x] = table[row[x * 3]];
    }
  }
}

at::Tensor ImageProcessor::operator()(const at::Tensor& picture) const { return batch({picture})[0]; }

at::Tensor ImageProcessor::batch(const std::vector<at::Tensor>& pictures) const {
  if (pictures.empty()) throw std::invalid_argument("[image processor] must get pictures, got none");
  Size size;
  for (const at::Tensor& picture : pictures) {
    if (picture.scalar_type() != at::kByte || picture.dim() != 3 || picture.size(2) != 3 ||
        picture.numel() == 0) {
      throw std::invalid_argument(c10::str("[image processor] pictures must be uint8 [H, W, 3], got ",
                                           picture.scalar_type(), " ", picture.sizes()));
    }
    const Size own = result_size({picture.size(0), picture.size(1)});
    if (&picture != &pictures.front() && !(own == size)) {
      throw std::invalid_argument(c10::str(
          "[image processor] pictures of a batch must come to one size, got ", size.height, "x", size.width,
          " and ", own.height, "x", own.width, "; give them one by one, or set do_center_crop"));
    }
    size = own;
  }
  at::Tensor values =
      at::empty({static_cast<int64_t>(pictures.size()), 3, size.height, size.width}, at::kFloat);
  float* const data = values.mutable_data_ptr<float>();
  const int64_t stride = 3 * size.height * size.width;
  at::parallel_for(0, static_cast<int64_t>(pictures.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) fill(pictures[static_cast<size_t>(i)], data + i * stride);
  });
  return values;
}

}  // namespace reel::models
