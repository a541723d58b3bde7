#include "pipeline/evaluation/scoring/score.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <cmath>
#include <stdexcept>

#include "pipeline/evaluation/scoring/consistency.h"

namespace reel::world {
namespace {

// Roughness (frame widths a frame, root mean square) at which the smoothness of a track has fallen to 0.6.
// Tracking errors on rendered truth lie below 0.005; random order of a full motion gives above 0.2.
constexpr double kRough = 0.06;

/// Weights 1 on one half of the frame, falling to 0 at a tenth of the frame beyond the middle.
std::vector<float> half_of_frame(bool left, int side) {
  std::vector<float> weight(static_cast<size_t>(side) * side);
  for (int j = 0; j < side; ++j) {
    for (int i = 0; i < side; ++i) {
      const double u = (i + 0.5) / side, beyond = left ? u - 0.5 : 0.5 - u;
      weight[static_cast<size_t>(j) * side + i] = static_cast<float>(std::clamp(1 - beyond / 0.1, 0.0, 1.0));
    }
  }
  return weight;
}

struct Performer {
  Recognition recognition;
  std::vector<Sighting> track;
};

Performer find(const SpriteBank& bank, const View& fine, double reach) {
  const View coarse = halve(fine);
  Performer found{recognise(bank, fine, coarse, reach), std::vector<Sighting>(fine.frames())};
  if (found.recognition.sprite >= 0) found.track = track(bank, found.recognition.sprite, fine, coarse, reach);
  return found;
}

}  // namespace

bool VideoScore::all_right() const {
  bool right = background_right;
  for (const ActorScore& actor : actors) right = right && actor.object_right && actor.motion_right;
  return right;
}

void check_frames(const at::Tensor& frames) {
  if (frames.dim() != 4 || frames.size(3) != 3 || frames.scalar_type() != at::kByte || frames.size(0) < 2 ||
      frames.size(1) < 16 || frames.size(2) < 16) {
    throw std::invalid_argument(
        c10::str("[score] frames must be uint8 [F, H, W, 3], at least 2 frames of 16 x 16, got ",
                 frames.toString(), " ", frames.sizes()));
  }
}

void check_scene(const World& world, const Scene& asked) {
  bool known = asked.background >= 0 && asked.background < static_cast<int>(world.backgrounds.size());
  for (const Actor& actor : asked.actors) {
    known = known && actor.object >= 0 && actor.object < static_cast<int>(world.objects.size()) &&
            actor.motion >= 0 && actor.motion < static_cast<int>(world.motions.size());
  }
  if (!known || asked.actors.empty() || asked.actors.size() > 2) {
    throw std::invalid_argument("[score] the scene must have one or two objects of this world");
  }
}

View view_over(std::vector<Raster> clip, const BackgroundFit& background) {
  View view;
  view.seen = std::move(clip);
  view.under.assign(view.frames(), background.picture);
  view.noise = background.noise;
  return view;
}

Scorer::Scorer(const World& world) : world_(world), bank_(world) {}

VideoScore Scorer::score(const at::Tensor& frames, const Scene& asked) const {
  check_frames(frames);
  check_scene(world_, asked);
  std::vector<Raster> clip = to_rasters(frames, kSide);
  const BackgroundFit background = fit_background(world_, clip);
  const View whole = view_over(std::move(clip), background);

  std::vector<Performer> performers;
  std::vector<View> views;
  if (asked.actors.size() == 1) {
    views = {whole};
    performers = {find(bank_, whole, kReachOfOne)};
  } else {
    for (const bool left : {true, false}) {
      View half = whole;
      half.weight.assign(whole.frames(), half_of_frame(left, kSide));
      performers.push_back(find(bank_, half, 0.25));
      views.push_back(std::move(half));
    }
  }

  VideoScore result;
  result.background = background.index;
  result.background_right = background.index == asked.background;
  result.background_explained = background.explained;
  result.background_flicker = background_flicker(whole);
  const Layout& layout = world_.layout(asked.actors.size());
  for (size_t k = 0; k < asked.actors.size(); ++k) {
    ActorScore actor;
    Performer& performer = performers[k];
    actor.object = performer.recognition.sprite;
    actor.object_right = actor.object == asked.actors[k].object;
    actor.explained = performer.recognition.explained;
    if (actor.object >= 0) actor.asked_explained = performer.recognition.evidence[asked.actors[k].object];
    actor.motion_fit = classify_motion(world_, layout, performer.track);
    actor.motion = actor.motion_fit.motion;
    actor.motion_right = actor.motion == asked.actors[k].motion;
    if (actor.object >= 0) {
      actor.appearance = appearance_consistency(bank_, actor.object, views[k], performer.track);
      actor.smoothness = std::exp(-0.5 * std::pow(actor.motion_fit.roughness / kRough, 2));
    }
    actor.consistency = actor.appearance * actor.smoothness;
    actor.track = std::move(performer.track);
    result.consistency += actor.consistency / static_cast<double>(asked.actors.size());
    result.amplitude += actor.motion_fit.amplitude.edge / static_cast<double>(asked.actors.size());
    result.actors.push_back(std::move(actor));
  }
  return result;
}

}  // namespace reel::world
