// The attention layers of a network, numbered as it is built.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attention/call.h"
#include "models/weights.h"

namespace reel::models {

/// Numbers the attention sites of a network in order of construction, which is the order of execution. Holds
/// each site by pointer, because calls refer to it as long as the network lives.
class SiteList {
 public:
  /// kv_heads: key and value heads, if they are fewer than query heads; 0: as many.
  const attention::Site& add(const std::string& path, attention::SiteKind kind, int64_t heads,
                             int64_t kv_heads = 0);
  /// Sets the UNet level of the sites added from now on. Sites added before the first call have none (-1).
  void enter_level(size_t level) { level_ = static_cast<int>(level); }
  std::vector<attention::Site> list() const;

 private:
  int level_ = -1;
  std::vector<std::unique_ptr<attention::Site>> sites_;
};

/// The full name of a scope without its final dot, which is the path of a site.
std::string site_path(const Weights& weights);

/// [R, G, heads, N, d] -> [R, G, N, heads d]: a view if the heads of a token lie side by side.
at::Tensor merged_heads(const at::Tensor& x);

}  // namespace reel::models
