// What becomes of the tensors that networks ask for: each that a layer keeps goes to the device.
#include "models/weights.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "models/files/safetensors.h"
#include "models/model_folder.h"
#include "models/text/open_clip_tower.h"
#include "tests/support/host_tensors.h"
#include "tests/support/models.h"
#include "tests/support/temporary_folder.h"

namespace reel::models::weights_test {

namespace fs = std::filesystem;

using Built = std::shared_ptr<const void>;

Built build(const ComponentFiles& files, const LoadOptions& options) {
  const FamilyEntry& family = families().of(files.config);
  if (family.denoiser) return family.denoiser(files, options);
  if (family.vae) return family.vae(files, options);
  return family.text_encoder(files, options);
}

/// Every component of tests/golden/, by its folder.
std::map<std::string, std::function<Built(const LoadOptions&)>> golden_components() {
  std::map<std::string, std::function<Built(const LoadOptions&)>> all;
  const auto add = [&](const std::string& name, const ComponentFiles& files) {
    if (!files.folder.empty())
      all[name] = [files](const LoadOptions& options) { return build(files, options); };
  };
  for (const std::string kind : {"unet_3d", "vae", "clip_text", "unet_motion"}) {
    for (const std::string& name : golden_cases(kind)) {
      const std::string folder = kind + "/" + name;
      const bool separate = fs::exists(golden_folder(folder + "/unet"));
      add(folder, separate ? golden_component(folder + "/unet", folder + "/motion_adapter")
                           : golden_component(folder));
    }
  }
  for (const std::string& name : golden_cases("lvdm")) {
    const ModelFolder model = ModelFolder::open(golden_folder("lvdm/" + name));
    add(name + " denoiser", model.denoiser), add(name + " vae", model.vae);
  }
  for (const std::string& name : golden_cases("open_clip_text")) {
    const std::string folder = golden_folder("open_clip_text/" + name) + "/";
    const Config config = Config::read(folder + "case.json");
    all[name] = [=](const LoadOptions& options) -> Built {
      return load_open_clip_text(Checkpoint::open(folder + config.text("file", "")),
                                 config.text("prefix", ""), "", options);
    };
  }
  return all;
}

/// Bytes that a network keeps on the host. In f64, which no file has, no tensor is a view of its file.
int64_t host_bytes(const std::function<Built(const LoadOptions&)>& build, at::Device device) {
  const int64_t before = HostTensors::counter().live();
  const Built network = build({.device = device, .dtype = at::kDouble});
  return HostTensors::counter().live() - before;
}

TEST(WeightsTest, EachTensorThatANetworkKeepsIsPlaced) {
  const auto components = golden_components();
  EXPECT_GT(components.size(), 20U);
  for (const auto& [name, build] : components) {
    EXPECT_GT(host_bytes(build, at::kCPU), 0) << name;
    EXPECT_EQ(host_bytes(build, at::kMeta), 0) << name << " keeps tensors that did not pass Weights::place";
  }
}

class OneFile {
 public:
  explicit OneFile(const std::map<std::string, at::Tensor>& tensors) {
    write_safetensors(folder_ / "model.safetensors", tensors);
  }
  Weights weights(const LoadOptions& options) const {
    return {Checkpoint::open(folder_ / "model.safetensors"), options};
  }

 private:
  TemporaryFolder folder_;
};

TEST(WeightsTest, GivesTensorsOnTheHostAndPlacesThemOnTheDevice) {
  const OneFile file({{"a", at::ones({2, 3})}});
  const Weights weights = file.weights({.device = at::kMeta, .dtype = at::kHalf});
  const at::Tensor a = weights.get("a", {2, 3});
  EXPECT_TRUE(a.is_cpu());
  EXPECT_EQ(a.scalar_type(), at::kHalf);
  EXPECT_TRUE(weights.place(a.t()).is_meta());
  EXPECT_FALSE(weights.place({}).defined());
}

TEST(WeightsTest, AnUnchangedWeightStaysAViewOfTheFile) {
  const OneFile file({{"a", at::arange(4096, at::kFloat)}, {"b", at::arange(4096, at::kFloat)}});
  const Weights weights = file.weights({});
  const at::Tensor a = weights.get("a", {4096}), b = weights.get("b", {4096});
  EXPECT_EQ(weights.place(a).const_data_ptr(), a.const_data_ptr());
  // Pages of `b` were given back, and are read again.
  EXPECT_TRUE(at::equal(weights.place(b), at::arange(4096, at::kFloat)));
}

TEST(WeightsTest, PlansWithoutData) {
  const OneFile file({{"a", at::ones({2, 3})}});
  LoadOptions options;
  options.shapes_only = true;
  EXPECT_TRUE(file.weights(options).place(file.weights(options).get("a", {2, 3})).is_meta());
}

}  // namespace reel::models::weights_test
