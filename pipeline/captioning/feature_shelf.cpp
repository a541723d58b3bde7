#include "pipeline/captioning/feature_shelf.h"

#include "models/hashing/hash.h"

namespace reel::pipeline {

std::string FeatureShelf::name_of(const at::Tensor& pixels) {
  const at::Tensor whole = pixels.contiguous();
  models::Hash hash;
  for (const int64_t side : whole.sizes()) hash.field(uint64_t(side));
  return hash.bytes(whole.const_data_ptr(), whole.nbytes()).hex();
}

std::optional<models::PictureTokens> FeatureShelf::find(const std::string& name) {
  const auto found = index_.find(name);
  if (found == index_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->picture;
}

void FeatureShelf::keep(const std::string& name, models::PictureTokens picture) {
  const auto bytes = int64_t(picture.features.nbytes());
  if (bytes > budget_ || index_.contains(name)) return;
  for (bytes_ += bytes; bytes_ > budget_; entries_.pop_back()) {
    bytes_ -= int64_t(entries_.back().picture.features.nbytes());
    index_.erase(entries_.back().name);
  }
  entries_.push_front({name, std::move(picture)});
  index_[name] = entries_.begin();
}

}  // namespace reel::pipeline
