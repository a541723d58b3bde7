// Scores one video against the scene that was asked for: right objects, motions and background, and how
// steady it is.
#pragma once

#include "pipeline/evaluation/scoring/background_fit.h"
#include "pipeline/evaluation/scoring/recognise.h"
#include "pipeline/evaluation/scoring/shape.h"
#include "pipeline/evaluation/scoring/track.h"
#include "pipeline/media/frames.h"

namespace reel::world {

/// What was found of one asked object.
struct ActorScore {
  int asked = 0;              // which of the scene's actors this is about
  int object = -1;            // recognised: index into the world's objects; -1: none
  bool object_right = false;  // recognised as the asked one, and it keeps its shape
  Shape shape;
  int motion = -1;             // recognised; -1: none
  bool motion_right = false;   // also if the scene leaves it open
  double explained = 0;        // fraction of what stands out (in its half, of two) that the object explains
  double asked_explained = 0;  // the same for the object that was asked for
  MotionFit motion_fit;
  std::vector<Sighting> track;  // per frame
  /// Similarity of the object between all pairs of frames, moved and turned back: 0 to 1.
  double appearance = 0;
  double smoothness = 0;   // 1: follows its motion; 0: jumps at random
  double consistency = 0;  // appearance x smoothness
};

struct VideoScore {
  std::vector<ActorScore> actors;  // of two: the one in the left half first
  int background = -1;
  bool background_right = false;    // also if the scene leaves it open
  double background_explained = 0;  // fraction of pixels that the fitted background explains
  /// Mean change of background pixels between neighbouring frames, of 255 levels.
  double background_flicker = 0;
  double consistency = 0;  // mean of the actors'
  double amplitude = 0;    // mean of the actors': path of an object's edge, in frame widths a frame
  bool all_right() const;  // every object, every motion and the background, as far as the scene states them
};

/// What was found in the frame, or in one half of it.
struct Performer {
  Recognition recognition;
  std::vector<Sighting> track;
};

constexpr int kSide = 64;            // of the fine pictures; the coarse ones have half of it
constexpr double kReachOfOne = 0.3;  // of find_blob, if one object has the frame to itself

/// Throws: std::invalid_argument unless frames are uint8 [F, H, W, 3], at least 2 of at least 16 x 16 pixels.
void check_frames(const at::Tensor& frames);
/// Throws: std::invalid_argument unless the scene has one or two objects of this world.
void check_scene(const World& world, const Scene& asked);
/// The clip over the background that was found in it, every pixel counting the same.
View view_over(std::vector<Raster> clip, const BackgroundFit& background);

/// Recognises objects, motions and backgrounds by fitting the known sprites and backgrounds to the video: no
/// learned network takes part. Holds the data that depends on the world alone.
class Scorer {
 public:
  /// `world` must outlive the scorer.
  explicit Scorer(const World& world);
  /// frames: uint8 [F, H, W, 3], at least 2 frames of at least 16 x 16 pixels.
  /// Throws: std::invalid_argument for other frames or a scene that is not of this world.
  VideoScore score(const at::Tensor& frames, const Scene& asked) const;
  const World& world() const { return world_; }

 private:
  /// What one performer does, compared with nothing yet. `other`: the second one of two.
  ActorScore actor_score(const Performer& performer, const View& view, const Performer* other,
                         size_t actors) const;

  const World& world_;
  SpriteBank bank_;
};

}  // namespace reel::world
