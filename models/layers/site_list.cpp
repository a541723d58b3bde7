#include "models/layers/site_list.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace reel::models {

const attention::Site& SiteList::add(const std::string& path, attention::SiteKind kind, int64_t heads,
                                     int64_t kv_heads) {
  sites_.push_back(std::make_unique<attention::Site>(
      attention::Site{path, kind, static_cast<int>(sites_.size()), static_cast<int>(heads), level_,
                      static_cast<int>(kv_heads)}));
  return *sites_.back();
}

std::vector<attention::Site> SiteList::list() const {
  std::vector<attention::Site> all;
  for (const auto& site : sites_) all.push_back(*site);
  return all;
}

std::string site_path(const Weights& weights) {
  std::string path = weights.path();
  if (!path.empty()) path.pop_back();
  return path;
}

at::Tensor merged_heads(const at::Tensor& x) { return x.transpose(2, 3).flatten(3, 4); }

}  // namespace reel::models
