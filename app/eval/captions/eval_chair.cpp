// `reel eval chair`: objects that captions invent.
#include "app/eval/captions/eval_chair.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/eval/captions/caption_eval_run_json.h"
#include "app/eval/captions/published_captions.h"
#include "app/eval/captions/scene_set.h"
#include "app/session/notes.h"
#include "models/files/input/input_stream.h"
#include "models/files/refuse.h"
#include "models/model_folder.h"
#include "pipeline/evaluation/hallucination/chair_metrics.h"
#include "pipeline/evaluation/hallucination/coco_truth.h"
#include "pipeline/media/stills/read_picture.h"
#include "pipeline/text_words.h"

namespace reel::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using evaluation::ObjectWords;
using evaluation::ScoredCaption;

/// A picture and what is in it.
struct ChairTruth {
  std::string name;
  std::set<std::string> there, expected;
};

/// The words for a world's objects: each name and its plural.
ObjectWords words_of(const world::StillWorld& still) {
  std::stringstream lines;
  for (size_t i = 0; i < still.objects(); ++i)
    lines << still.name(int(i)) << ", " << still.words.plurals[i] << "\n";
  return {lines, "the world's objects"};
}

ObjectWords coco_words(const CaptionEvalOptions& options) {
  const std::string path =
      options.synonyms.empty() ? models::assets_folder() + "/eval/coco_objects.txt" : options.synonyms;
  models::InputStream file({.path = path});
  return {file, path};
}

class ChairRun {
 public:
  ChairRun(const CaptionEvalOptions& options, ObjectWords words)
      : options_(options), words_(std::move(words)), lines_(options) {}

  /// Scores the captions of one variant.
  void add(const std::vector<std::string>& edits, const std::vector<ChairTruth>& truth,
           const std::vector<std::string>& captions) {
    const auto scored = std::make_shared<std::vector<ScoredCaption>>();
    for (size_t i = 0; i < truth.size(); ++i) {
      evaluation::CaptionObjects objects{.mentions = words_.mentions(captions[i]),
                                         .truth = truth[i].there,
                                         .words = int64_t(pipeline::lower_words(captions[i], "-'").size())};
      lines_.add({{"image", truth[i].name},
                  {"caption", captions[i]},
                  {"edits", edits},
                  {"mentions", objects.mentions},
                  {"invented", evaluation::invented(objects)},
                  {"objects", objects.truth}});
      scored->push_back({std::move(objects), truth[i].expected});
    }
    variants_.push_back({edits, {{"", "", truth.size(), evaluation::chair_metrics(scored)}}});
  }

  int tell(const std::string& title, Json facts) {
    lines_.commit();
    return tell_metrics(options_, title, facts, variants_);
  }

 private:
  const CaptionEvalOptions& options_;
  ObjectWords words_;
  EvalLines lines_;
  std::vector<VariantMetrics> variants_;
};

std::vector<std::string> texts_of(const std::vector<Reply>& replies) {
  std::vector<std::string> all;
  for (const Reply& reply : replies) all.push_back(reply.text);
  return all;
}

/// Captions of a model for all pictures, scored; `read` makes picture i.
int chair_of_model(const CaptionEvalOptions& options, ObjectWords words, const std::vector<ChairTruth>& truth,
                   const std::function<std::function<at::Tensor()>(size_t)>& read, const std::string& title,
                   Json facts, AskedModel& model) {
  ChairRun run(options, std::move(words));
  const std::string prompt = options.prompt.empty() ? model.request() : options.prompt;
  const auto replies = ask_all(
      model, options, truth.size(),
      [&](size_t i) {
        return Asked{read(i), prompt};
      },
      /*margins=*/false);
  for (size_t v = 0; v < replies.size(); ++v) run.add(model.variants()[v], truth, texts_of(replies[v]));
  facts["prompt"] = prompt;
  facts["model"] = Json::parse(model.describe());
  return run.tell(model.name() + ": " + title, std::move(facts));
}

int chair_on_scenes(const CaptionEvalOptions& options) {
  std::optional<AskedModel> model;
  if (!options.truth) model.emplace(options);
  const SceneSet set(options);
  std::vector<ChairTruth> truth;
  std::vector<std::string> descriptions;
  for (size_t s = 0; s < set.scenes().size(); ++s) {
    truth.push_back({set.name(s), set.drawn(s), set.missing(s)});
    descriptions.push_back(world::description_of(set.still(), set.scenes()[s]));
  }
  set.save();
  const std::string title =
      std::to_string(truth.size()) + (options.broken ? " scenes without partners" : " scenes");
  Json facts = {{"source", options.truth ? "truth" : "model"},
                {"world", options.world},
                {"scenes", truth.size()},
                {"broken", options.broken},
                {"seed", *options.common.seed}};
  if (model) {
    const auto read = [&](size_t i) -> std::function<at::Tensor()> {
      return [&set, i] { return set.picture(i); };
    };
    return chair_of_model(options, words_of(set.still()), truth, read, title, std::move(facts), *model);
  }
  ChairRun run(options, words_of(set.still()));
  run.add({}, truth, descriptions);
  return run.tell("True captions: " + title, std::move(facts));
}

int chair_on_published(const CaptionEvalOptions& options) {
  std::optional<AskedModel> model;
  if (options.data.empty()) model.emplace(options);
  ObjectWords words = coco_words(options);
  std::vector<std::string> files;
  for (const std::string& file : {options.instances, options.captions}) {
    if (!file.empty()) files.push_back(file);
  }
  const evaluation::CocoTruth known = evaluation::read_coco_truth(files, words);
  if (options.instances.empty() || options.captions.empty())
    note(options.common,
         "published CHAIR takes what is there from COCO's instances and from its captions; of " +
             std::string(options.instances.empty() ? "captions" : "instances") +
             " alone more counts as invented");
  std::vector<PublishedCaption> pictures =
      model ? pictures_of(options.images) : read_captions(options.data.front());
  std::vector<ChairTruth> truth;
  std::vector<std::string> captions, unknown;
  for (const PublishedCaption& one : pictures) {
    const auto found = known.find(one.id);
    if (found == known.end())
      unknown.push_back(one.name);
    else
      truth.push_back({one.name, found->second, {}}), captions.push_back(one.caption);
  }
  if (!unknown.empty())
    throw std::runtime_error("[" + files.front() + "] says nothing of " + std::to_string(unknown.size()) +
                             " of " + std::to_string(pictures.size()) + " pictures (" +
                             models::few_of(unknown) + "); give the annotations of their part of COCO");
  const std::string title = std::to_string(truth.size()) + " pictures";
  Json facts = {{"source", model ? "model" : "file"}, {"pictures", truth.size()}};
  if (model) {
    const auto read = [&](size_t i) -> std::function<at::Tensor()> {
      return
          [path = (fs::path(options.images) / truth[i].name).string()] { return media::read_picture(path); };
    };
    return chair_of_model(options, std::move(words), truth, read, title, std::move(facts), *model);
  }
  ChairRun run(options, std::move(words));
  run.add({}, truth, captions);
  return run.tell(options.data.front() + ": " + title, std::move(facts));
}

}  // namespace

int evaluate_chair(const CaptionEvalOptions& options) {
  return options.published() ? chair_on_published(options) : chair_on_scenes(options);
}

}  // namespace reel::app
