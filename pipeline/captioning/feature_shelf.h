// Features of pictures that were seen, kept by what the pictures show.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>

#include "models/captioner.h"

namespace reel::pipeline {

/// Holds features up to a number of bytes; those not used for longest go first.
class FeatureShelf {
 public:
  explicit FeatureShelf(int64_t budget) : budget_(budget) {}

  /// The name of a prepared picture, [3, h, w] f32 on the host: equal pictures have equal names.
  static std::string name_of(const at::Tensor& pixels);
  std::optional<models::PictureTokens> find(const std::string& name);
  void keep(const std::string& name, models::PictureTokens picture);

 private:
  struct Entry {
    std::string name;
    models::PictureTokens picture;
  };
  int64_t budget_, bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::map<std::string, std::list<Entry>::iterator> index_;
};

}  // namespace reel::pipeline
