// Where broadway and vstar act in the UNets that they were published for, at their full structure and reduced
// width.
#include <gmock/gmock.h>

#include "attention/plugin/dry_run.h"
#include "attention/plugin/edit_registry.h"
#include "models/model_folder.h"
#include "tests/support/lvdm_structure.h"
#include "tests/support/models.h"

namespace reel::models::edit_sites_test {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

std::vector<attention::Site> sites_of(const ComponentFiles& files) {
  LoadOptions options;
  options.shapes_only = true;
  return families().of(files.config).denoiser(files, options)->sites();
}

struct Model {
  std::string name;
  std::vector<attention::Site> sites;
};

std::vector<Model> published_models() {
  const std::string animatediff = "unet_motion/separate_sd15";
  const LvdmStructure videocrafter;
  return {{"AnimateDiff", sites_of(golden_component(animatediff + "/unet", animatediff + "/motion_adapter"))},
          {"ModelScope", sites_of(golden_component("unet_3d/four_levels"))},
          {"VideoCrafter2", sites_of(ModelFolder::open(videocrafter.path().string()).denoiser)}};
}

std::vector<std::string> sites_of_edit(const std::string& edit, const std::vector<attention::Site>& sites) {
  attention::EditRegistry registry;
  register_edits(registry);
  return attention::dry_run({registry.parse(edit)}, sites)[0].sites;
}

TEST(EditSitesTest, BroadwayActsAtTheEighteenTemporalAttentionsOfTheUpBlocksBehindTheFirst) {
  for (const Model& model : published_models()) {
    const auto sites = sites_of_edit("broadway", model.sites);
    EXPECT_EQ(sites.size(), 18U) << model.name;
    EXPECT_THAT(sites, Each(AllOf(HasSubstr("up_blocks."), Not(HasSubstr("up_blocks.0"))))) << model.name;
  }
}

TEST(EditSitesTest, VstarActsAtTenTemporalAttentionsOfEachLevelThatItsPresetNames) {
  for (const Model& model : published_models()) {
    const auto fine = sites_of_edit("vstar:preset=64D1", model.sites),
               both = sites_of_edit("vstar:preset=64D1_32D8", model.sites);
    EXPECT_EQ(fine.size(), 10U) << model.name;
    EXPECT_EQ(both.size(), 20U) << model.name;
    EXPECT_THAT(both, Each(Not(AnyOf(HasSubstr("transformer_in"), HasSubstr("mid_block"))))) << model.name;
  }
}

}  // namespace reel::models::edit_sites_test
