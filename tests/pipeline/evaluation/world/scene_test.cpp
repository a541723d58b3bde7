// Prompts of the emoji world, and what they leave to chance.
#include "pipeline/evaluation/world/scene.h"

#include <gmock/gmock.h>

#include <set>

#include "models/files/safetensors.h"
#include "pipeline/evaluation/world/world.h"
#include "pipeline/media/pictures/picture_reader.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/world.h"

namespace reel::world::scene_test {

using testing::HasSubstr;

const std::string kFolder = std::string(REEL_ASSETS_DIR) + "/world";

const World& world() { return bundled_world(); }

std::string refusal(const std::string& prompt) {
  try {
    parse_prompt(world(), prompt);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(WorldTest, HoldsWhatItsDescriptionSays) {
  EXPECT_EQ(world().objects.size(), 64u);
  EXPECT_EQ(world().motions.size(), 9u);
  EXPECT_EQ(world().backgrounds.size(), 8u);
  EXPECT_EQ(world().sprites.sizes(), (at::IntArrayRef{64, 4, 64, 64}));
  // Premultiplied: no colour exceeds its alpha.
  EXPECT_TRUE((world().sprites.narrow(1, 0, 3) <= world().sprites.narrow(1, 3, 1)).all().item<bool>());
  EXPECT_EQ(world().object_index("robot"), 61);
  EXPECT_EQ(world().object_index("submarine"), -1);
}

TEST(WorldTest, NamesTheEntryThatIsWrong) {
  const TemporaryFolder folder;
  const std::string good = read_file(kFolder + "/world.json");
  const auto complaint = [&](const std::string& from, const std::string& to) -> std::string {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    write_file(folder / "world.json", text);
    try {
      load_world(folder.path().string());
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(complaint("\"num_frames\": 16", "\"num_frames\": 1"), HasSubstr("'frame.num_frames'"));
  EXPECT_THAT(complaint("\"star_sigma\": 0.012", "\"star_sigma\": \"wide\""), HasSubstr("'star_sigma'"));
  EXPECT_THAT(complaint("\"name\": \"cat\"", "\"name\": \"dog\""), HasSubstr("'dog' comes twice"));
  EXPECT_THAT(complaint("\"sprites.png\"", "\"../sprites.png\""), HasSubstr("'atlas.file'"));
  EXPECT_THAT(complaint("emoji-world/1", "emoji-world/2"), HasSubstr("'format'"));
  EXPECT_THAT(complaint("\"hops_per_clip\"", "\"hops\""), HasSubstr("'hops_per_clip' is missing"));
  EXPECT_THAT(complaint("{", "[{"), HasSubstr("is not JSON"));
  EXPECT_THAT(complaint("x", "x"), HasSubstr("sprites.png"));  // the atlas is not beside it
  if (!media::can_read_pictures()) return;
  std::filesystem::copy_file(kFolder + "/sprites.png", folder / "sprites.png");
  EXPECT_EQ(complaint("emoji-world/1", "emoji-world/1"), "");
  EXPECT_THAT(complaint("\"grow\": ", "\"growth\": "), HasSubstr("growth' is no key of a world"));
  EXPECT_THAT(complaint("\"colour_jitter\": ", "\"color_jitter\": 0, \"colour_jitter\": "),
              HasSubstr("'color_jitter' is no key of a world; did you mean 'colour_jitter'?"));
}

/// A copy of the bundled world whose atlas is the tensor `name` of a .safetensors file.
void write_tensor_world(const TemporaryFolder& folder, const std::string& name, const at::Tensor& atlas) {
  std::string text = read_file(kFolder + "/world.json");
  const std::string picture = "sprites.png";
  text.replace(text.find(picture), picture.size(), "sprites.safetensors");
  write_file(folder / "world.json", text);
  models::write_safetensors(folder / "sprites.safetensors", {{name, atlas}});
}

std::string load_complaint(const std::string& folder) {
  try {
    load_world(folder);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(WorldTest, AnAtlasAsATensorIsTheAtlasAsAPicture) {
  if (!media::can_read_pictures()) GTEST_SKIP() << "this build reads no pictures";
  const TemporaryFolder folder;
  write_tensor_world(folder, "atlas", media::read_rgba(kFolder + "/sprites.png"));
  const World loaded = load_world(folder.path().string());
  EXPECT_TRUE(at::equal(loaded.sprites, world().sprites));
  EXPECT_EQ(loaded.objects.size(), world().objects.size());
}

TEST(WorldTest, RefusesATensorThatIsNoAtlas) {
  const auto complaint = [](const std::string& name, const at::Tensor& atlas) {
    const TemporaryFolder folder;
    write_tensor_world(folder, name, atlas);
    return load_complaint(folder.path().string());
  };
  EXPECT_EQ(complaint("atlas", at::zeros({512, 512, 4}, at::kByte)), "");
  EXPECT_THAT(complaint("sprites", at::zeros({512, 512, 4}, at::kByte)), HasSubstr("sprites"));
  EXPECT_THAT(complaint("atlas", at::zeros({512, 512, 3}, at::kByte)), HasSubstr("uint8 [H, W, 4], got"));
  EXPECT_THAT(complaint("atlas", at::zeros({512, 512, 4})), HasSubstr("uint8 [H, W, 4], got"));
  EXPECT_THAT(complaint("atlas", at::zeros({512, 448, 4}, at::kByte)), HasSubstr("512 x 512 pixels"));
}

TEST(WorldTest, ABuildThatReadsNoPicturesSaysHowToConvertThem) {
  if (media::can_read_pictures()) GTEST_SKIP() << "this build reads pictures";
  const std::string complaint = load_complaint(kFolder);
  EXPECT_THAT(complaint, HasSubstr("atlas_to_safetensors.py " + kFolder));
  EXPECT_THAT(complaint, HasSubstr("--world"));
}

TEST(PromptTest, EveryDrawnSceneReadsBackFromItsPrompt) {
  Dice dice(1);
  for (int i = 0; i < 500; ++i) {
    const Scene scene = sample_scene(world(), dice, 0.5);
    const std::string prompt = prompt_of(world(), scene);
    EXPECT_EQ(parse_prompt(world(), prompt), scene) << prompt;
  }
}

TEST(PromptTest, TheSameSeedDrawsTheSameScenes) {
  Dice first(3), second(3), other(4);
  std::vector<std::string> a, b, c;
  for (int i = 0; i < 20; ++i) {
    a.push_back(prompt_of(world(), sample_scene(world(), first, 0.5)));
    b.push_back(prompt_of(world(), sample_scene(world(), second, 0.5)));
    c.push_back(prompt_of(world(), sample_scene(world(), other, 0.5)));
  }
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  // Pinned, so that numbers measured on one machine can be repeated on another.
  EXPECT_EQ(a[0], "a chicken spinning in the snow");
}

TEST(PromptTest, DrawsEveryObjectMotionAndBackgroundAndNeverTheSameObjectTwice) {
  Dice dice(2);
  std::set<int> objects, motions, backgrounds;
  int two = 0;
  for (int i = 0; i < 1000; ++i) {
    const Scene scene = sample_scene(world(), dice, 0.25);
    two += scene.actors.size() == 2;
    EXPECT_NE(scene.actors.front().object, scene.actors.size() == 2 ? scene.actors[1].object : -1);
    for (const Actor& actor : scene.actors) objects.insert(actor.object), motions.insert(actor.motion);
    backgrounds.insert(scene.background);
  }
  EXPECT_EQ(objects.size(), 64u);
  EXPECT_EQ(motions.size(), 9u);
  EXPECT_EQ(backgrounds.size(), 8u);
  EXPECT_NEAR(two, 250, 60);  // more than four deviations
}

TEST(PromptTest, ForgivesArticlesUpperCaseAndSpaces) {
  const Scene owl = parse_prompt(world(), "an owl moving up at sea");
  EXPECT_EQ(parse_prompt(world(), "A  owl Moving UP at sea "), owl);
}

TEST(PromptTest, RefusesWithTheWordAndTheNearestOne) {
  EXPECT_THAT(refusal("a rokcet moving up in space"), HasSubstr("did you mean 'rocket'?"));
  EXPECT_THAT(refusal("a rocket moving upp in space"), HasSubstr("did you mean 'moving up'?"));
  EXPECT_THAT(refusal("a rocket moving up in spaec"), HasSubstr("did you mean 'in space'?"));
  EXPECT_THAT(refusal("rocket moving up in space"), HasSubstr("word 1, got 'rocket'"));
  EXPECT_THAT(refusal("a rocket moving up"), HasSubstr("got the end"));
  EXPECT_THAT(refusal("a rocket moving up in space slowly"), HasSubstr("got 'slowly'"));
  EXPECT_THAT(refusal("a dog bouncing and a cat bouncing and a cow bouncing on grass"), HasSubstr("'and'"));
  EXPECT_THAT(refusal(""), HasSubstr("got the end"));
}

TEST(TakeTest, DrawsStayInTheRangesOfTheWorld) {
  Dice dice(5);
  for (int i = 0; i < 300; ++i) {
    const Scene scene = sample_scene(world(), dice, 0.5);
    const Take take = sample_take(world(), scene, dice);
    const Layout& layout = world().layout(scene.actors.size());
    const auto inside = [](const Interval& range, double value) {
      return value >= range.low && value <= range.high;
    };
    if (world().backgrounds[scene.background].ground)
      EXPECT_TRUE(inside(world().horizon, take.horizon));
    else
      EXPECT_EQ(take.horizon, 1);
    ASSERT_EQ(take.actors.size(), scene.actors.size());
    for (size_t k = 0; k < take.actors.size(); ++k) {
      const ActorTake& actor = take.actors[k];
      const bool hops = world().motions[scene.actors[k].motion].hop != 0;
      EXPECT_TRUE(inside(layout.cx[k], actor.cx));
      EXPECT_TRUE(inside(hops ? layout.floor : layout.cy, actor.cy));
      EXPECT_TRUE(inside(layout.size, actor.size));
      EXPECT_TRUE(inside(layout.travel_x, actor.travel_x));
      EXPECT_TRUE(inside(layout.travel_y, actor.travel_y));
      EXPECT_TRUE(inside(layout.hop, actor.hop));
    }
  }
}

}  // namespace reel::world::scene_test
