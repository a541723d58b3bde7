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

Performer find(const SpriteBank& bank, const View& fine, double reach) {
  const View coarse = halve(fine);
  Performer found{recognise(bank, fine, coarse, reach), std::vector<Sighting>(fine.frames())};
  if (found.recognition.sprite >= 0) found.track = track(bank, found.recognition.sprite, fine, coarse, reach);
  return found;
}

/// Says of every actor whether it is the asked one. Of two that may stand on either side, the order counts in which
/// more is right.
void compare(std::vector<ActorScore>& actors, const Scene& asked) {
  const auto in_order = [&](bool swapped) {
    std::vector<ActorScore> judged = actors;
    for (size_t k = 0; k < judged.size(); ++k) {
      ActorScore& actor = judged[k];
      actor.asked = static_cast<int>(swapped ? judged.size() - 1 - k : k);
      const Actor& wanted = asked.actors[actor.asked];
      actor.object_right = actor.object == wanted.object && actor.shape.kept();
      actor.motion_right = wanted.motion == kOpen || actor.motion == wanted.motion;
    }
    return judged;
  };
  const auto right = [&](const std::vector<ActorScore>& judged) {
    int count = 0;  // an object that is the asked one weighs more than a motion
    for (const ActorScore& actor : judged)
      count += 4 * (actor.object == asked.actors[actor.asked].object) + 2 * actor.object_right +
               actor.motion_right;
    return count;
  };
  std::vector<ActorScore> straight = in_order(false);
  if (actors.size() == 2 && !asked.sides) {
    std::vector<ActorScore> swapped = in_order(true);
    if (right(swapped) > right(straight)) straight = std::move(swapped);
  }
  actors = std::move(straight);
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
  bool known = asked.background >= kOpen && asked.background < static_cast<int>(world.backgrounds.size());
  for (const Actor& actor : asked.actors) {
    known = known && actor.object >= 0 && actor.object < static_cast<int>(world.objects.size()) &&
            actor.motion >= kOpen && actor.motion < static_cast<int>(world.motions.size());
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
  result.background_right = asked.background == kOpen || background.index == asked.background;
  result.background_explained = background.explained;
  result.background_flicker = background_flicker(whole);
  for (size_t k = 0; k < performers.size(); ++k) {
    const Performer* other = performers.size() == 2 ? &performers[1 - k] : nullptr;
    result.actors.push_back(actor_score(performers[k], views[k], other, performers.size()));
    result.consistency += result.actors.back().consistency / static_cast<double>(performers.size());
    result.amplitude +=
        result.actors.back().motion_fit.amplitude.edge / static_cast<double>(performers.size());
  }
  compare(result.actors, asked);
  for (size_t k = 0; k < performers.size(); ++k) {
    ActorScore& actor = result.actors[k];
    if (actor.object >= 0)
      actor.asked_explained = performers[k].recognition.evidence[asked.actors[actor.asked].object];
    actor.track = std::move(performers[k].track);
  }
  return result;
}

ActorScore Scorer::actor_score(const Performer& performer, const View& view, const Performer* other,
                               size_t actors) const {
  ActorScore actor;
  actor.object = performer.recognition.sprite;
  actor.explained = performer.recognition.explained;
  actor.motion_fit = classify_motion(world_, world_.layout(actors), performer.track);
  actor.motion = actor.motion_fit.motion;
  if (actor.object < 0) return actor;
  View alone = view;
  if (other && other->recognition.sprite >= 0) hide(bank_, other->recognition.sprite, other->track, alone);
  actor.shape = shape_of(bank_, actor.object, alone, performer.track);
  actor.appearance = appearance_consistency(bank_, actor.object, view, performer.track);
  actor.smoothness = std::exp(-0.5 * std::pow(actor.motion_fit.roughness / kRough, 2));
  actor.consistency = actor.appearance * actor.smoothness;
  return actor;
}

}  // namespace reel::world
